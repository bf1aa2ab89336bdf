import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { RadioRows } from '@/components/Field';
import { HelpLine } from '@/components/Page';
import { personName, useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Location, Provider, Service } from '@/lib/types';
import { addressLine } from './parts';
import { ANYONE, providersFor, waysFor, withOnlyChoices, type Catalogue, type RequestDraft, type RequestField } from './request';
import { useVisitWords } from './words';

/** The clinic's services, people and places, with the state of asking for them. */
export function useCatalogue(): { catalogue?: Catalogue; error?: Error | null; retry: () => void } {
  const services = useApi<{ services: Service[] }>('services');
  const providers = useApi<{ providers: Provider[] }>('providers');
  const locations = useApi<{ locations: Location[] }>('locations');
  const all = [services, providers, locations];
  const retry = () => void Promise.all(all.filter((one) => !one.data).map((one) => one.refetch()));
  const failed = all.find((one) => one.isError && one.data === undefined);
  if (services.data && providers.data && locations.data) {
    return { catalogue: { services: services.data.services, providers: providers.data.providers, locations: locations.data.locations }, retry };
  }
  return { error: failed?.error, retry };
}

interface ServiceStepProps {
  catalogue: Catalogue;
  value?: string;
  error?: string;
  onChange: (id: string) => void;
  /** Left out where the choice leads nowhere. */
  onContinue?: () => void;
  /** What to say about a service besides its length and price. */
  note?: (service: Service) => string | undefined;
}

/** What is needed, one of the clinic's services. */
export function ServiceStep({ catalogue, value, error, onChange, onContinue, note }: ServiceStepProps) {
  const { t } = useVisitWords();
  const format = useFormat();
  if (catalogue.services.length === 0) {
    return (
      <Banner action={<HelpLine />}>
        {t('noServices')} {t('noServicesCall')}
      </Banner>
    );
  }
  return (
    <>
      <RadioRows
        name="service"
        legend={t('service')}
        legendAs="hidden"
        error={error}
        value={value}
        onChange={onChange}
        options={catalogue.services.map((one) => ({
          value: one.id,
          label: one.name,
          detail: [
            one.priceCents > 0
              ? t('serviceMeta', { minutes: one.durationMinutes, price: format.money(one.priceCents, one.currency) })
              : t('serviceMetaFree', { minutes: one.durationMinutes }),
            note?.(one),
            one.description,
          ]
            .filter(Boolean)
            .join('. '),
        }))}
      />
      {onContinue && (
        <Actions>
          <Button variant="primary" onClick={onContinue}>
            {t('continue')}
          </Button>
        </Actions>
      )}
    </>
  );
}

interface PlaceStepProps {
  service: Service;
  catalogue: Catalogue;
  draft: RequestDraft;
  errors: Partial<Record<RequestField, string>>;
  onChange: (part: Partial<RequestDraft>, ...fields: RequestField[]) => void;
}

/** Whom to see, and where. */
export function PlaceStep({ service, catalogue, draft, errors, onChange }: PlaceStepProps) {
  const { t } = useVisitWords();
  const offering = providersFor(service, catalogue.providers);
  const ways = waysFor(service, catalogue, draft.who);
  const several = ways.filter((one) => one.location).length > 1;
  return (
    <div className="grid gap-8">
      {offering.length > 1 && (
        <RadioRows
          name="who"
          legend={t('whoLegend')}
          legendAs="h2"
          error={errors.who}
          value={draft.who}
          onChange={(who) => onChange(withOnlyChoices({ ...draft, who }, service, catalogue), 'who')}
          options={[
            { value: ANYONE, label: t('anyone'), detail: t('anyoneHint') },
            ...offering.map((one) => ({ value: one.id, label: personName(one), detail: one.discipline })),
          ]}
        />
      )}
      {ways.length > 1 && (
        <RadioRows
          name="how"
          legend={t('howLegend')}
          legendAs="h2"
          error={errors.how}
          value={draft.way}
          onChange={(way) => onChange({ way }, 'how')}
          options={ways.map(({ key, how, location }) => ({
            value: key,
            label: how === 'TELEHEALTH' ? t('video') : location && several ? `${t('inOffice')}, ${location.name}` : t('inOffice'),
            detail: how === 'TELEHEALTH' ? t('videoHint') : location ? addressLine(location.address) : t('inOfficeHint'),
          }))}
        />
      )}
    </div>
  );
}

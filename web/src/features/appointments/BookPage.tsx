import { lazy, Suspense, useState } from 'react';
import { Link, useLocation, useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { Banner } from '@/components/Banner';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Page, PageError, PhoneLink, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { useBookWords } from './bookWords';
import { PlaceStep, ServiceStep, useCatalogue } from './choices';
import { emptyDraft, hasPlaceChoice, waysFor, withOnlyChoices, type Catalogue, type RequestDraft, type RequestField } from './request';
import { useVisitWords } from './words';

/** The times come when they are wanted: the first step does not wait for them. */
const ChooseTime = lazy(() => import('./ChooseTime'));

/** The step is kept in the browser's history, not in the address: Back works, and nothing about the visit is in a URL. */
interface Place {
  step?: 'service' | 'place' | 'times';
  draft?: RequestDraft;
}

/** /appointments/book: service, person and place where there is a choice, a free time, done. */
export function Component() {
  const { t } = useBookWords();
  const { catalogue, error, retry } = useCatalogue();
  if (catalogue) return <Book catalogue={catalogue} />;
  if (error) return <PageError error={error} onRetry={retry} />;
  return (
    <TaskPage title={t('serviceTitle')} back={{ to: paths.appointments, label: t('back') }}>
      <Skeleton shape="form" onRetry={retry} />
    </TaskPage>
  );
}

function Book({ catalogue }: { catalogue: Catalogue }) {
  const { t, rich } = useBookWords();
  const { t: v } = useVisitWords();
  const { phone } = useConfig();
  const navigate = useNavigate();
  const location = useLocation();
  const [search] = useSearchParams();
  const place = location.state as Place | null;
  const [draft, setDraft] = useState<RequestDraft>(() => place?.draft ?? begin(catalogue, search.get('service')));
  const [errors, setErrors] = useState<Partial<Record<RequestField, string>>>({});
  const [tries, setTries] = useState(0);

  const service = catalogue.services.find((one) => one.id === draft.serviceId);
  const ready = service !== undefined && draft.who !== undefined && draft.way !== undefined;
  const choice = service !== undefined && hasPlaceChoice(service, catalogue);
  const bookable = service?.bookingMode === 'request' || service?.bookingMode === 'instant';
  const [opened] = useState(() => search.get('service') !== null && bookable);
  const wished = place?.step ?? (opened ? 'times' : 'service');
  const step = !bookable ? 'service' : wished === 'times' && !ready ? 'place' : wished;

  const go = (next: NonNullable<Place['step']>) => void navigate({ search: location.search }, { state: { step: next, draft } satisfies Place });
  const leave = (found: Partial<Record<RequestField, string>>, next: () => void) => {
    setErrors(found);
    setTries(tries + 1);
    if (Object.keys(found).length === 0) next();
  };
  const change = (part: Partial<RequestDraft>, ...fields: RequestField[]) => {
    setDraft({ ...draft, ...part });
    setErrors(Object.fromEntries(Object.entries(errors).filter(([name]) => !fields.includes(name as RequestField))));
  };
  const summary = tries > 0 && <ErrorSummary key={`${step} ${tries}`} problems={Object.entries(errors).map(([id, message]) => ({ id, message }))} />;
  const back = { to: paths.appointments, label: t('back') };

  if (step === 'service') {
    const byPhone = service?.bookingMode === 'view';
    return (
      <TaskPage title={t('serviceTitle')} lead={catalogue.services.length > 0 ? t('serviceIntro') : undefined} back={back} step={step}>
        {summary}
        <ServiceStep
          catalogue={catalogue}
          value={draft.serviceId}
          error={errors.service}
          note={(one) => (one.bookingMode === 'view' ? t('modeView') : one.bookingMode === 'request' ? t('modeRequest') : undefined)}
          onChange={(serviceId) => {
            const chosen = catalogue.services.find((one) => one.id === serviceId);
            if (chosen) change(withOnlyChoices({ ...draft, serviceId }, chosen, catalogue), 'service');
          }}
          onContinue={byPhone ? undefined : () => leave(service ? {} : { service: v('errService') }, () => go(choice ? 'place' : 'times'))}
        />
        <div role="status" className={byPhone ? 'mt-6' : undefined}>
          {byPhone && <Banner>{phone ? rich('callForThisAt', { a: <PhoneLink phone={phone} /> }, { phone }) : t('callForThis')}</Banner>}
        </div>
        <p className="mt-8">
          <Link className="link inline-flex min-h-11 items-center gap-2" to={paths.groupBook}>
            {t('group')}
          </Link>
        </p>
      </TaskPage>
    );
  }
  if (!service) return null;
  if (step === 'place') {
    return (
      <TaskPage title={v('placeTitle')} back={back} step={step}>
        {summary}
        <PlaceStep service={service} catalogue={catalogue} draft={draft} errors={errors} onChange={change} />
        <Actions>
          <Button variant="primary" onClick={() => leave({ ...(draft.who ? {} : { who: v('errWho') }), ...(draft.way ? {} : { how: v('errHow') }) }, () => go('times'))}>
            {v('continue')}
          </Button>
          {place?.step && (
            <Button variant="quiet" onClick={() => void navigate(-1)}>
              {v('goBack')}
            </Button>
          )}
        </Actions>
      </TaskPage>
    );
  }
  const way = waysFor(service, catalogue, draft.who).find((one) => one.key === draft.way);
  if (!way) return null;
  const other = waysFor(service, catalogue, draft.who).find((one) => one.how !== way.how);
  return (
    <Suspense fallback={<Page title={t('timesTitle')} back={back}><Skeleton shape="form" /></Page>}>
    <ChooseTime key={`${service.id} ${draft.who} ${draft.way}`} catalogue={catalogue} service={service} draft={draft} way={way} other={other} onOther={({ key }) => setDraft({ ...draft, way: key })} onChange={() => go(choice ? 'place' : 'service')} />
    </Suspense>
  );
}

/** A service named in the address is chosen already. */
function begin(catalogue: Catalogue, serviceId: string | null): RequestDraft {
  const service = catalogue.services.find((one) => one.id === serviceId);
  return service ? withOnlyChoices({ ...emptyDraft, serviceId: service.id }, service, catalogue) : emptyDraft;
}

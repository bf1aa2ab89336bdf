import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Card } from '@/components/Card';
import { ErrorSummary } from '@/components/ErrorSummary';
import { RadioRows, TextArea } from '@/components/Field';
import { HelpLine, PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { serverNow } from '@/lib/clock';
import { useErrorSentence } from '@/lib/errors';
import { personName, useFormat } from '@/lib/format';
import type { Problem } from '@/lib/forms';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { AppointmentRequest, AppointmentRequestData, Location, Provider, Service } from '@/lib/types';
import { addressLine, asTitle, wishedTime } from './parts';
import { wallNow } from './preferences';
import {
  allowedStep, ANYONE, bodyOf, emptyDraft, hasPlaceChoice, providersFor, readFieldErrors, REASON_MAX, steps, waysFor, withOnlyChoices,
  type Catalogue, type RequestDraft, type RequestField, type Step, type Way,
} from './request';
import { RequestSent } from './RequestSent';
import { TimesPicker } from './TimesPicker';
import { useVisitWords } from './words';

/** The step is kept in the browser's history, not in the address: Back works, and nothing about the visit is in a URL. */
interface Place {
  step?: string;
}

/** /appointments/request: service, person and place, up to three times, reason, review. */
export function Component() {
  const { t } = useVisitWords();
  const services = useApi<{ services: Service[] }>('services');
  const providers = useApi<{ providers: Provider[] }>('providers');
  const locations = useApi<{ locations: Location[] }>('locations');
  const all = [services, providers, locations];
  const retry = () => void Promise.all(all.filter((one) => !one.data).map((one) => one.refetch()));

  if (services.data && providers.data && locations.data) {
    const requestable = services.data.services.filter((one) => one.bookingMode === 'request' || one.bookingMode === 'instant');
    return <Request catalogue={{ services: requestable, providers: providers.data.providers, locations: locations.data.locations }} />;
  }
  const failed = all.find((one) => one.isError);
  if (failed) return <PageError error={failed.error} onRetry={retry} />;
  return (
    <TaskPage title={t('serviceTitle')} back={{ to: paths.appointments, label: t('back') }}>
      <Skeleton shape="form" onRetry={retry} />
    </TaskPage>
  );
}

function Request({ catalogue }: { catalogue: Catalogue }) {
  const { t } = useVisitWords();
  const navigate = useNavigate();
  const location = useLocation();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const [search] = useSearchParams();
  const { timeZone } = useConfig();
  const format = useFormat();
  const [draft, setDraft] = useState<RequestDraft>(() => begin(catalogue, search.get('service')));
  const [errors, setErrors] = useState<Partial<Record<RequestField, string>>>({});
  const [tries, setTries] = useState(0);

  const service = catalogue.services.find((one) => one.id === draft.serviceId);
  const wished = (location.state as Place | null)?.step;
  // Choosing never moves on: only the service that the page was opened with is taken as chosen.
  const [start] = useState<Step>(() => (service ? firstAfterService(service, catalogue) : 'service'));
  const step = allowedStep(wished ?? start, draft);
  const way = service && waysFor(service, catalogue, draft.who).find((one) => one.key === draft.way);
  const zone = way?.location?.timeZone ?? timeZone;

  const send = useMutation<AppointmentRequestData, ApiError, AppointmentRequest>({
    mutationFn: (body) => api('appointments/request', { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: () => void invalidate('appointments', 'notifications'),
    onError: (error) => {
      const refused = readFieldErrors(error.fields);
      setErrors(refused.errors);
      setTries((n) => n + 1);
      if (refused.step) go(refused.step);
    },
  });

  const change = (part: Partial<RequestDraft>, ...fields: RequestField[]) => {
    setDraft((before) => ({ ...before, ...part }));
    setErrors((before) => Object.fromEntries(Object.entries(before).filter(([name]) => !fields.includes(name as RequestField))));
  };
  const go = (next: Step) => void navigate({ search: location.search }, { state: { step: next } satisfies Place });
  const goBack = () => void navigate(-1);
  const leave = (current: Step, found: Partial<Record<RequestField, string>>) => {
    setErrors(found);
    setTries((n) => n + 1);
    if (Object.keys(found).length > 0) return;
    const order = steps.filter((one) => one !== 'place' || (service && hasPlaceChoice(service, catalogue)));
    go(order[order.indexOf(current) + 1] ?? 'review');
  };

  if (send.data) {
    return <RequestSent data={send.data} times={draft.times} />;
  }

  const problems: Problem[] = Object.entries(errors).map(([id, message]) => {
    const index = id.startsWith('time-') ? Number(id.slice(5)) : -1;
    const wish = draft.times[index];
    return { id, message: wish ? t('errTimesServer', { when: wishedTime(wish, format), message }) : message };
  });
  const summary = tries > 0 && <ErrorSummary key={`${step} ${tries}`} problems={problems} />;
  const back = { to: paths.appointments, label: t('back') };
  const backButton = step !== 'service' && wished !== undefined && (
    <Button variant="quiet" onClick={goBack}>
      {t('goBack')}
    </Button>
  );

  switch (step) {
    case 'service':
      return (
        <TaskPage title={t('serviceTitle')} lead={catalogue.services.length > 0 ? t('serviceIntro') : undefined} back={back} step={step}>
          {summary}
          <ServiceStep
            catalogue={catalogue}
            value={draft.serviceId}
            error={errors.service}
            onChange={(serviceId) => {
              const chosen = catalogue.services.find((one) => one.id === serviceId);
              if (chosen) change(withOnlyChoices({ ...draft, serviceId }, chosen, catalogue), 'service');
            }}
            onContinue={() => leave('service', draft.serviceId ? {} : { service: t('errService') })}
          />
        </TaskPage>
      );
    case 'place':
      return (
        <TaskPage title={t('placeTitle')} back={back} step={step}>
          {summary}
          {service && <PlaceStep service={service} catalogue={catalogue} draft={draft} errors={errors} onChange={change} />}
          <Actions>
            <Button variant="primary" onClick={() => leave('place', { ...(draft.who ? {} : { who: t('errWho') }), ...(draft.way ? {} : { how: t('errHow') }) })}>
              {t('continue')}
            </Button>
            {backButton}
          </Actions>
        </TaskPage>
      );
    case 'times': {
      const check = (): Partial<Record<RequestField, string>> => {
        if (draft.times.length === 0) return { times: t('errTimes') };
        const now = wallNow(serverNow(), zone);
        return Object.fromEntries(
          draft.times.flatMap((wish, index) =>
            `${wish.date} ${wish.time}` <= `${now.date} ${now.time}` ? [[`time-${index}`, t('errPast', { when: wishedTime(wish, format) })]] : [],
          ),
        );
      };
      return (
        <TaskPage title={t('timesTitle')} lead={t('timesIntro')} back={back} step={step}>
          {summary}
          <TimesPicker
            zone={zone}
            value={draft.times}
            onChange={(times) => change({ times }, 'times', 'time-0', 'time-1', 'time-2')}
            errors={{ all: errors.times, at: [errors['time-0'], errors['time-1'], errors['time-2']] }}
          />
          <Actions>
            <Button variant="primary" onClick={() => leave('times', check())}>
              {t('continue')}
            </Button>
            {backButton}
          </Actions>
        </TaskPage>
      );
    }
    case 'reason': {
      const check = (): Partial<Record<RequestField, string>> => ({
        ...(draft.reason.trim() === '' ? { reason: t('errReason') } : [...draft.reason].length > REASON_MAX ? { reason: t('errReasonLong', { max: REASON_MAX }) } : {}),
        ...([...draft.note].length > REASON_MAX ? { note: t('errReasonLong', { max: REASON_MAX }) } : {}),
      });
      return (
        <TaskPage title={t('reasonTitle')} back={back} step={step}>
          {summary}
          <div className="grid gap-6">
            <TextArea name="reason" label={t('reasonLabel')} hint={t('reasonHint')} error={errors.reason} rows={3} value={draft.reason} onChange={(event) => change({ reason: event.target.value }, 'reason')} />
            <TextArea name="note" label={t('noteLabel')} hint={t('noteHint')} error={errors.note} optional rows={3} value={draft.note} onChange={(event) => change({ note: event.target.value }, 'note')} />
          </div>
          <Actions>
            <Button variant="primary" onClick={() => leave('reason', check())}>
              {t('continue')}
            </Button>
            {backButton}
          </Actions>
        </TaskPage>
      );
    }
    case 'review':
      return (
        <TaskPage title={t('reviewTitle')} lead={t('reviewIntro')} back={back} step={step}>
          <SendProblem error={send.error} shownAtFields={problems.length > 0} />
          {service && <Review draft={draft} service={service} way={way} catalogue={catalogue} onChange={go} />}
          <Actions>
            <Button variant="primary" busy={send.isPending} busyLabel={t('sending')} onClick={() => send.mutate(bodyOf(draft, way))}>
              {t('send')}
            </Button>
            {backButton}
          </Actions>
          <HelpLine className="mt-10" />
        </TaskPage>
      );
  }
}

/** A service named in the address (after a declined request) is chosen already. */
function begin(catalogue: Catalogue, serviceId: string | null): RequestDraft {
  const service = catalogue.services.find((one) => one.id === serviceId) ?? (catalogue.services.length === 1 ? catalogue.services[0] : undefined);
  return service && serviceId ? withOnlyChoices({ ...emptyDraft, serviceId: service.id }, service, catalogue) : emptyDraft;
}

function firstAfterService(service: Service, catalogue: Catalogue): Step {
  return hasPlaceChoice(service, catalogue) ? 'place' : 'times';
}

interface ServiceStepProps {
  catalogue: Catalogue;
  value?: string;
  error?: string;
  onChange: (id: string) => void;
  onContinue: () => void;
}

function ServiceStep({ catalogue, value, error, onChange, onContinue }: ServiceStepProps) {
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
            one.description,
          ]
            .filter(Boolean)
            .join('. '),
        }))}
      />
      <Actions>
        <Button variant="primary" onClick={onContinue}>
          {t('continue')}
        </Button>
      </Actions>
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

function PlaceStep({ service, catalogue, draft, errors, onChange }: PlaceStepProps) {
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

function Review({ draft, service, way, catalogue, onChange }: { draft: RequestDraft; service: Service; way?: Way; catalogue: Catalogue; onChange: (step: Step) => void }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const who = catalogue.providers.find((one) => one.id === draft.who);
  const places = [t('first'), t('second'), t('third')];
  const choice = hasPlaceChoice(service, catalogue);
  const rows: { label: string; value: React.ReactNode; step?: Step }[] = [
    { label: t('service'), value: service.name, step: catalogue.services.length > 1 ? 'service' : undefined },
    { label: t('who'), value: who ? personName(who) : t('anyone'), step: choice ? 'place' : undefined },
    { label: t('how'), value: way?.how === 'TELEHEALTH' ? t('video') : [t('inOffice'), way?.location?.name].filter(Boolean).join(', '), step: choice ? 'place' : undefined },
    {
      label: t('suits'),
      value: (
        <ol className="grid gap-1">
          {draft.times.map((wish, index) => (
            <li key={index}>
              <span className="sr-only">{places[index]}: </span>
              {asTitle(wishedTime(wish, format))}
            </li>
          ))}
        </ol>
      ),
      step: 'times',
    },
    { label: t('reason'), value: <span className="whitespace-pre-line">{draft.reason.trim()}</span>, step: 'reason' },
    ...(draft.note.trim() ? [{ label: t('note'), value: <span className="whitespace-pre-line">{draft.note.trim()}</span>, step: 'reason' as const }] : []),
  ];
  return (
    <Card>
      <dl className="divide-y divide-line">
        {rows.map((row) => (
          <div key={row.label} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 py-3 first:pt-0 last:pb-0">
            <dt className="text-sm text-ink-2">{row.label}</dt>
            <dd className="col-start-1 min-w-0">{row.value}</dd>
            {row.step && (
              <dd className="col-start-2 row-span-2 row-start-1">
                <button type="button" className="link min-h-11" onClick={() => row.step && onChange(row.step)}>
                  {t('change')}
                  <span className="sr-only">: {row.label}</span>
                </button>
              </dd>
            )}
          </div>
        ))}
      </dl>
    </Card>
  );
}

function SendProblem({ error, shownAtFields }: { error: ApiError | null; shownAtFields: boolean }) {
  const sentence = useErrorSentence();
  if (!error || shownAtFields) return null;
  return (
    <Banner tone="danger" announce="alert" className="mb-6">
      {sentence(error)}
    </Banner>
  );
}

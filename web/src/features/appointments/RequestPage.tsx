import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Card } from '@/components/Card';
import { ErrorSummary } from '@/components/ErrorSummary';
import { TextArea } from '@/components/Field';
import { HelpLine, PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { serverNow } from '@/lib/clock';
import { useErrorSentence } from '@/lib/errors';
import { personName, useFormat } from '@/lib/format';
import type { Problem } from '@/lib/forms';
import { useIdempotencyKey } from '@/lib/idempotency';
import { apiSaid, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { AppointmentRequest, AppointmentRequestData, Service } from '@/lib/types';
import { PlaceStep, ServiceStep, useCatalogue } from './choices';
import { asTitle, wishedTime } from './parts';
import { wallNow } from './preferences';
import {
  allowedStep, ANYONE, bodyOf, cityName, emptyDraft, hasPlaceChoice, readFieldErrors, REASON_MAX, steps, waysFor, withOnlyChoices,
  type Catalogue, type RequestDraft, type RequestField, type Step, type Way,
} from './request';
import { RequestSent } from './RequestSent';
import { useVisitWords } from './words';

/** The times come when they are wanted: the first step does not wait for them. */
const RequestTimes = lazy(() => import('./RequestTimes'));

/** The step is kept in the browser's history, not in the address: Back works, and nothing about the visit is in a URL. */
interface Place {
  step?: string;
  /** What was chosen already where somebody came from. */
  draft?: RequestDraft;
}

/** /appointments/request: service, person and place, up to three times, reason, review. */
export function Component() {
  const { t } = useVisitWords();
  const { catalogue, error, retry } = useCatalogue();
  if (catalogue) {
    const services = catalogue.services.filter((one) => one.bookingMode === 'request' || one.bookingMode === 'instant');
    return <Request catalogue={{ ...catalogue, services }} />;
  }
  if (error) return <PageError error={error} onRetry={retry} />;
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
  const [draft, setDraft] = useState<RequestDraft>(() => (location.state as Place | null)?.draft ?? begin(catalogue, search.get('service')));
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
    mutationFn: async (body) => {
      const { data, message } = await apiSaid<AppointmentRequestData>('appointments/request', { method: 'POST', body, idempotencyKey: keyFor(body) });
      return { ...data, message };
    },
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
          <Suspense fallback={<Skeleton shape="form" />}>
            <RequestTimes
              wish={{
                serviceId: draft.serviceId ?? '',
                clinicianId: draft.who === ANYONE ? undefined : draft.who,
                locationId: way?.location?.id,
                serviceLocation: way?.how,
              }}
              city={cityName(way?.location, zone)}
              zone={zone}
              value={draft.times}
              onChange={(times) => change({ times }, 'times', 'time-0', 'time-1', 'time-2')}
              errors={{ all: errors.times, at: [errors['time-0'], errors['time-1'], errors['time-2']] }}
            />
          </Suspense>
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

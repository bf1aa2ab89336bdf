import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { Checkbox, Select, TextInput } from '@/components/Field';
import { HelpLine, PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { personName, useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { WaitlistEntry, WaitlistWish } from '@/lib/types';
import { useCatalogue } from './choices';
import { providersFor, waysFor, type Catalogue } from './request';
import { useWaitlistWords } from './waitlistWords';
import { weekdayName } from './weekdays';

/** Monday first, as in the picker; 0 is Sunday. */
const weekdays = [1, 2, 3, 4, 5, 6, 0];

/** /appointments/waitlist/join: what would suit, on one page. */
export function Component() {
  const { t } = useWaitlistWords();
  const { catalogue, error, retry } = useCatalogue();
  if (error && !catalogue) return <PageError error={error} onRetry={retry} />;
  return (
    <TaskPage title={t('joinTitle')} lead={t('joinLead')} back={{ to: paths.waitlist, label: t('title') }}>
      {catalogue ? <Join catalogue={catalogue} /> : <Skeleton shape="form" onRetry={retry} />}
    </TaskPage>
  );
}

type Problems = Partial<Record<'serviceId' | 'clinicianId' | 'locationId' | 'days' | 'from' | 'to' | 'expiresOn', string>>;

function Join({ catalogue }: { catalogue: Catalogue }) {
  const { t } = useWaitlistWords();
  const format = useFormat();
  const toast = useToast();
  const navigate = useNavigate();
  const location = useLocation();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const begun = (location.state ?? {}) as Partial<WaitlistWish>;
  const services = catalogue.services.filter((one) => one.bookingMode === 'instant' || one.bookingMode === 'request');
  const [wish, setWish] = useState<WaitlistWish>({ days: [], serviceId: begun.serviceId ?? '', clinicianId: begun.clinicianId, locationId: begun.locationId, serviceLocation: begun.serviceLocation });
  const [problems, setProblems] = useState<Problems>({});
  const [tries, setTries] = useState(0);

  const join = useMutation<WaitlistEntry, ApiError, WaitlistWish>({
    mutationFn: (body) => api('waitlist', { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: async () => {
      toast(t('joined'));
      void navigate(paths.waitlist, { replace: true });
      await invalidate('waitlist');
    },
    onError: ({ fields }) => {
      setProblems(Object.fromEntries(Object.entries(fields).map(([name, { message }]) => [name, message])));
      setTries((n) => n + 1);
    },
  });

  if (services.length === 0) return <Banner action={<HelpLine />}>{t('none')}</Banner>;

  const service = services.find((one) => one.id === wish.serviceId);
  const ways = service ? waysFor(service, catalogue, wish.clinicianId) : [];
  const way = ways.find((one) => one.how === wish.serviceLocation && (one.location?.id ?? '') === (wish.locationId ?? ''));
  const change = (part: Partial<WaitlistWish>) => {
    setWish({ ...wish, ...part });
    setProblems(Object.fromEntries(Object.entries(problems).filter(([name]) => !(name in part))));
  };
  const send = () => {
    const found: Problems = {
      ...(wish.serviceId ? {} : { serviceId: t('errService') }),
      ...(wish.from && wish.to && wish.to <= wish.from ? { to: t('errWindow') } : {}),
      ...(wish.expiresOn && wish.expiresOn < format.today() ? { expiresOn: t('errExpires') } : {}),
    };
    setProblems(found);
    setTries(tries + 1);
    if (Object.keys(found).length > 0) return;
    const { days, ...rest } = wish;
    join.mutate({ ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value)) as Omit<WaitlistWish, 'days'>), days });
  };
  const shownAtFields = Object.keys(problems).length > 0;
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!join.isPending) send();
      }}
    >
      {tries > 0 && <ErrorSummary key={tries} problems={Object.entries(problems).map(([id, message]) => ({ id: id === 'days' ? 'day-1' : id, message }))} />}
      {!shownAtFields && <Failure error={join.error} says={{ ALREADY_WAITING: t('already') }} />}
      <div className="grid gap-6">
        <Select name="serviceId" label={t('service')} error={problems.serviceId} value={wish.serviceId} onChange={(event) => change({ serviceId: event.target.value, clinicianId: undefined, locationId: undefined, serviceLocation: undefined })}>
          <option value="">{t('choose')}</option>
          {services.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </Select>
        {service && (
          <Select name="clinicianId" label={t('who')} error={problems.clinicianId} value={wish.clinicianId ?? ''} onChange={(event) => change({ clinicianId: event.target.value || undefined, locationId: undefined, serviceLocation: undefined })}>
            <option value="">{t('whoAnyone')}</option>
            {providersFor(service, catalogue.providers).map((one) => (
              <option key={one.id} value={one.id}>
                {personName(one)}
              </option>
            ))}
          </Select>
        )}
        {ways.length > 1 && (
          <Select
            name="locationId"
            label={t('where')}
            error={problems.locationId}
            value={way?.key ?? ''}
            onChange={(event) => {
              const next = ways.find((one) => one.key === event.target.value);
              change({ locationId: next?.location?.id, serviceLocation: next?.how });
            }}
          >
            <option value="">{t('whereAny')}</option>
            {ways.map((one) => (
              <option key={one.key} value={one.key}>
                {one.how === 'TELEHEALTH' ? t('whereVideo') : (one.location?.name ?? '')}
              </option>
            ))}
          </Select>
        )}
        <fieldset aria-describedby="days-hint">
          <legend className="font-semibold">{t('days')}</legend>
          <p id="days-hint" className="text-sm text-ink-2">
            {t('daysHint')}
          </p>
          {problems.days && <p className="mt-1 text-sm font-semibold text-danger">{problems.days}</p>}
          <div className="mt-2 grid grid-cols-[repeat(auto-fill,minmax(9rem,1fr))]">
            {weekdays.map((day) => (
              <Checkbox key={day} name={`day-${day}`} checked={wish.days.includes(day)} onChange={(event) => change({ days: event.target.checked ? [...wish.days, day].sort() : wish.days.filter((one) => one !== day) })}>
                {weekdayName(day, format)}
              </Checkbox>
            ))}
          </div>
        </fieldset>
        <div className="grid gap-6 sm:grid-cols-2">
          <TextInput name="from" type="time" optional label={t('from')} hint={t('timeHint')} error={problems.from} value={wish.from ?? ''} onChange={(event) => change({ from: event.target.value || undefined })} />
          <TextInput name="to" type="time" optional label={t('to')} hint={t('timeHint')} error={problems.to} value={wish.to ?? ''} onChange={(event) => change({ to: event.target.value || undefined })} />
        </div>
        <TextInput name="expiresOn" type="date" optional min={format.today()} label={t('expires')} hint={t('expiresHint')} error={problems.expiresOn} className="max-w-60" value={wish.expiresOn ?? ''} onChange={(event) => change({ expiresOn: event.target.value || undefined })} />
      </div>
      <Actions>
        <Button type="submit" variant="primary" busy={join.isPending} busyLabel={t('sending')}>
          {t('send')}
        </Button>
      </Actions>
    </form>
  );
}

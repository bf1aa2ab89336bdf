import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Failure } from '@/components/Failure';
import { RadioRows, TextArea } from '@/components/Field';
import { PhoneLink } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { serverNow } from '@/lib/clock';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { Appointment, Availability, CancellationTerms } from '@/lib/types';
import { asTitle, freeNow } from '@/lib/visits';
import { addDays } from './preferences';
import { useSlotName } from './slotName';
import { slotKey, todayIn } from './slots';
import { useActWords } from './visitWords';

const REASON_MOST = 500;
const reasons = ['unable', 'ill', 'unneeded', 'other'] as const;

interface CancelFormProps {
  visit: Appointment;
  onKeep: () => void;
  onDone: () => void;
}

/** What it costs, how to move instead, why, and the button that says both. */
export function CancelForm(props: CancelFormProps) {
  const terms = useApi<CancellationTerms>(`appointments/${encodeURIComponent(props.visit.id)}/cancellation`, { staleTime: 0 });
  return (
    <QueryView query={terms} skeleton={<Skeleton shape="text" />}>
      {(data) => <Terms {...props} terms={data} refresh={() => terms.refetch()} />}
    </QueryView>
  );
}

function Terms({ visit, terms, refresh, onKeep, onDone }: CancelFormProps & { terms: CancellationTerms; refresh: () => Promise<unknown> }) {
  const { t, rich } = useActWords();
  const format = useFormat();
  const toast = useToast();
  const config = useConfig();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const [reason, setReason] = useState<string>();
  const [note, setNote] = useState('');
  const [tooLong, setTooLong] = useState(false);
  const request = visit.status === 'requested';
  const fee = terms.feeCents;
  const amount = format.money(fee);

  const cancel = useMutation<Appointment, ApiError, { reason: string; acceptFeeCents?: number }>({
    mutationFn: (body) => api(`appointments/${encodeURIComponent(visit.id)}/cancel`, { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: async () => {
      toast(t('cancelled'));
      await invalidate('appointments', 'notifications', 'invoices', 'waitlist', 'group-bookings');
      onDone();
    },
    onError: () => void refresh(),
  });

  if (!terms.allowed) {
    const phone = terms.phone ?? config.phone;
    return (
      <>
        <Banner tone="warning">
          {terms.reason && terms.reason !== 'TOO_LATE' ? t('ended') : phone ? rich('refused', { a: <PhoneLink phone={phone} /> }, { phone }) : t('refusedPlain')}
        </Banner>
        <Actions>
          <Button onClick={onKeep}>{t(request ? 'keepRequest' : 'keep')}</Button>
        </Actions>
      </>
    );
  }

  const changed = cancel.error?.reason === 'FEE_NOT_ACCEPTED';
  const until = visit.cancellationDeadlineDisplay;
  const press = () => {
    const words = [reason && reason !== 'other' && t(`why.${reason as (typeof reasons)[number]}`), note.trim()].filter(Boolean).join('. ');
    if ([...words].length > REASON_MOST) return setTooLong(true);
    cancel.mutate({ reason: words || t('noReason'), ...(fee > 0 ? { acceptFeeCents: fee } : {}) });
  };
  return (
    <div className="grid gap-6">
      {cancel.error && (changed ? <Banner tone="danger" announce="alert" takeFocus>{t('feeChanged', { amount: format.money((cancel.error.details.feeCents as number | undefined) ?? fee) })}</Banner> : <Failure error={cancel.error} className="" />)}
      {fee > 0 ? (
        <Banner tone="warning">{until ? t('late', { amount, when: until }) : t('latePlain', { amount })}</Banner>
      ) : (
        <p>
          {t('nothingToPay')} {!request && until && freeNow(visit, serverNow()) && t('freeUntil', { when: until })}
        </p>
      )}
      {visit.canReschedule && <MoveInstead visit={visit} fee={fee} />}
      <div className="grid gap-4">
        <RadioRows name="reason" legend={t('why')} value={reason} onChange={setReason} options={reasons.map((value) => ({ value, label: t(`why.${value}`) }))} />
        {reason !== undefined && (
          <TextArea
            name="reason-text"
            label={t('whyText')}
            optional
            rows={2}
            error={tooLong ? t('whyTooLong', { max: REASON_MOST }) : undefined}
            value={note}
            onChange={(event) => {
              setNote(event.target.value);
              setTooLong(false);
            }}
          />
        )}
      </div>
      <div className="flex flex-wrap gap-3">
        <Button variant="danger" busy={cancel.isPending} busyLabel={t('cancelling')} onClick={press}>
          {fee > 0 ? t('cancelPay', { amount }) : t(request ? 'withdrawDo' : 'cancelDo')}
        </Button>
        <Button variant="quiet" onClick={onKeep}>
          {t(request ? 'keepRequest' : 'keep')}
        </Button>
      </div>
    </div>
  );
}

/** The next three free times, so that giving the visit back is not the only way. */
function MoveInstead({ visit, fee }: { visit: Appointment; fee: number }) {
  const { t } = useActWords();
  const format = useFormat();
  const name = useSlotName();
  const [today] = useState(() => todayIn(visit.timeZone, serverNow()));
  const query = {
    serviceId: visit.serviceId,
    clinicianId: visit.clinician.id || undefined,
    locationId: visit.location?.id,
    serviceLocation: visit.serviceLocation,
    except: visit.id,
    from: today,
    to: addDays(today, 27),
  };
  const { data } = useApi<Availability>('appointments/availability', { query });
  const next = (data?.days ?? []).flatMap((day) => day.slots).filter((slot) => slot.startTime !== visit.startTime).slice(0, 3);
  if (next.length === 0) return null;
  return (
    <section>
      <h3>{t('moveInstead')}</h3>
      <p className="mt-1 text-sm text-ink-2">{fee > 0 ? t('moveInsteadFee', { amount: format.money(fee) }) : t('moveInsteadFree')}</p>
      <ul className="mt-2 grid gap-1">
        {next.map((slot) => (
          <li key={slotKey(slot)}>
            <Link className="link inline-flex min-h-11 items-center" to={paths.moveAppointment(visit.id)} state={{ slot }}>
              {asTitle(name(slot))}
            </Link>
          </li>
        ))}
        <li>
          <Link className="link inline-flex min-h-11 items-center" to={paths.moveAppointment(visit.id)}>
            {t('otherTimes')}
          </Link>
        </li>
      </ul>
    </section>
  );
}

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button, LinkButton } from '@/components/Button';
import { Card } from '@/components/Card';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { HelpLine, Page, PageError } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { useWide } from '@/lib/media';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { Appointment, CancellationTerms, Id, Slot } from '@/lib/types';
import { asTitle, visitTime } from '@/lib/visits';
import { useBookWords } from './bookWords';
import { cityName } from './request';
import { Dock, SlotPicker } from './SlotPicker';
import { useSlotName } from './slotName';
import { slotKey } from './slots';
import { Taken } from './Taken';
import { useTimes } from './useTimes';

/** /appointments/:id/move: another time for the same visit; what it costs stands beside the button. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = useBookWords();
  const visit = useApi<Appointment>(`appointments/${encodeURIComponent(id)}`);
  const terms = useApi<CancellationTerms>(`appointments/${encodeURIComponent(id)}/cancellation`, { staleTime: 0 });
  if (visit.data && terms.data) return <Move key={id} visit={visit.data} terms={terms.data} refresh={() => void terms.refetch()} />;
  const failed = [visit, terms].find((one) => one.isError && one.data === undefined);
  const retry = () => [visit, terms].forEach((one) => one.isError && void one.refetch());
  if (failed) return <PageError error={failed.error} onRetry={retry} />;
  return (
    <Page title={t('moveTitle')} back={{ to: paths.appointment(id), label: t('toVisit') }}>
      <Skeleton shape="form" onRetry={retry} />
    </Page>
  );
}

interface MoveBody {
  startTime: string;
  practitionerId?: Id;
  acceptFeeCents?: number;
}

function Move({ visit, terms, refresh }: { visit: Appointment; terms: CancellationTerms; refresh: () => void }) {
  const { t } = useBookWords();
  const format = useFormat();
  const toast = useToast();
  const wide = useWide();
  const navigate = useNavigate();
  const location = useLocation();
  const invalidate = useInvalidate();
  const slotName = useSlotName();
  const { keyFor } = useIdempotencyKey();
  const times = useTimes(
    { serviceId: visit.serviceId, clinicianId: visit.clinician.id || undefined, locationId: visit.location?.id, serviceLocation: visit.serviceLocation, except: visit.id },
    visit.timeZone,
    visit.canReschedule,
  );
  const [slot, setSlot] = useState<Slot | undefined>((location.state as { slot?: Slot } | null)?.slot);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<{ taken: Slot; next?: Slot }>();
  const [missing, setMissing] = useState(0);

  const move = useMutation<Appointment, ApiError, MoveBody>({
    mutationFn: (body) => api(`appointments/${encodeURIComponent(visit.id)}/reschedule`, { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: async () => {
      toast(t('moved'));
      void navigate(paths.appointment(visit.id), { replace: true });
      await invalidate('appointments', 'notifications', 'invoices');
    },
    onError: (error) => {
      if (error.reason === 'SLOT_UNAVAILABLE' && slot) {
        setRefused({ taken: slot, next: error.details.nextAvailable as Slot | undefined });
        setGone(new Set([...gone, slotKey(slot)]));
        setSlot(undefined);
      }
      refresh();
      void invalidate('appointments');
    },
  });

  const back = { to: paths.appointment(visit.id), label: t('toVisit') };
  const lead = t('moveLead', { when: visitTime(visit, format) });
  if (!visit.canReschedule || !terms.allowed) {
    return (
      <Page title={t('moveTitle')} lead={lead} back={back}>
        <Banner tone="warning">{t(terms.allowed && ['scheduled', 'confirmed'].includes(visit.status) ? 'moveAsk' : 'moveRefused')}</Banner>
        <HelpLine className="mt-4" />
      </Page>
    );
  }

  const choose = (next: Slot) => {
    setSlot(next);
    setMissing(0);
    setRefused(undefined);
    move.reset();
  };
  const fee = terms.feeCents;
  const amount = format.money(fee);
  const until = visit.cancellationDeadlineDisplay;
  const costs = fee === 0 ? t('moveFree') : until ? t('moveFee', { amount, when: until }) : t('moveFeePlain', { amount });
  const press = () => {
    if (!slot) return setMissing(missing + 1);
    setRefused(undefined);
    const who = slot.any ? slot.clinicianIds?.[0] : slot.clinicianId;
    move.mutate({ startTime: slot.startTime, ...(who && who !== visit.clinician.id ? { practitionerId: who } : {}), ...(fee > 0 ? { acceptFeeCents: fee } : {}) });
  };
  const button = (
    <Button variant="primary" wide busy={move.isPending} busyLabel={t('moving')} onClick={press}>
      {fee > 0 ? t('movePay', { amount }) : t('moveDo')}
    </Button>
  );
  const feeChanged = move.error?.reason === 'FEE_NOT_ACCEPTED';
  return (
    <Page
      title={t('moveTitle')}
      lead={lead}
      back={back}
      aside={
        wide && (
          <Card>
            <h2>{t('summary')}</h2>
            <p className="mt-3 font-semibold">{slot ? asTitle(slotName(slot)) : <span className="font-normal text-ink-2">{t('errChoose')}</span>}</p>
            <p className="mt-2 mb-5 text-sm text-ink-2">{costs}</p>
            {button}
            <LinkButton variant="quiet" wide className="mt-2" to={back.to}>
              {t('keep')}
            </LinkButton>
          </Card>
        )
      }
      banner={fee > 0 && !wide ? <Banner tone="warning">{costs}</Banner> : undefined}
    >
      {missing > 0 && <ErrorSummary key={missing} problems={[{ id: 'times', message: t('errChoose') }]} />}
      {refused && <Taken taken={refused.taken} next={refused.next} onChoose={choose} />}
      {feeChanged ? (
        <Banner tone="danger" announce="alert" takeFocus className="mb-6">
          {t('moveFeeChanged', { amount: format.money((move.error?.details.feeCents as number | undefined) ?? fee) })}
        </Banner>
      ) : (
        !refused && <Failure error={move.error} />
      )}
      <div id="times" tabIndex={-1} className="outline-none">
        <SlotPicker times={times} city={cityName(visit.location, visit.timeZone)} chosen={slot ? [slotKey(slot)] : []} onChoose={choose} gone={gone} />
      </div>
      {!wide && slot && (
        <Dock>
          <p className="font-semibold">{asTitle(slotName(slot))}</p>
          <p className="mb-2 text-sm text-ink-2">{costs}</p>
          {button}
        </Dock>
      )}
    </Page>
  );
}

import { useMutation } from '@tanstack/react-query';
import { BellRing } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { spoken, useCountdown } from '@/lib/countdown';
import { serverNow } from '@/lib/clock';
import { useFormat } from '@/lib/format';
import { defineWords } from '@/lib/i18n';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { Appointment, Service, WaitlistEntry } from '@/lib/types';
import { asTitle } from '@/lib/visits';
import { Banner } from './Banner';
import { Actions, Button } from './Button';
import { TintPanel } from './Card';
import { cx } from './cx';
import { DoorwayDate } from './DoorwayDate';
import { Failure } from './Failure';
import { Icon } from './Icon';
import { useToast } from './Toast';

const useOfferWords = defineWords(
  'offers',
  {
    title: 'A time has opened for you',
    service: 'The visit you are waiting for',
    left: 'Yours until {when}: {span} left.',
    take: 'Take this time',
    taking: 'Booking…',
    decline: 'No, thanks',
    declining: 'One moment…',
    declined: 'You stay on the waitlist.',
    taken: 'You’re booked.',
    expired: 'That offer has ended. You stay on the waitlist, and we’ll tell you when another time opens.',
    gone: 'That time is not free any more. You stay on the waitlist.',
    list: 'Your waitlist',
  },
  {
    title: 'Hay una hora para usted',
    service: 'La cita que espera',
    left: 'Es suya hasta {when}: quedan {span}.',
    take: 'Tomar esta hora',
    taking: 'Reservando…',
    decline: 'No, gracias',
    declining: 'Un momento…',
    declined: 'Sigue en la lista de espera.',
    taken: 'Su cita está reservada.',
    expired: 'Esa oferta terminó. Sigue en la lista de espera y le avisaremos cuando haya otra hora.',
    gone: 'Esa hora ya no está libre. Sigue en la lista de espera.',
    list: 'Su lista de espera',
  },
);

/** Times offered from the waitlist, while they stand. Nothing where there is none. */
export function WaitlistOffers({ className }: { className?: string }) {
  const { t } = useOfferWords();
  const [ended, setEnded] = useState<'expired' | 'gone'>();
  const { data } = useApi<{ entries: WaitlistEntry[] }>('waitlist', { staleTime: 0 });
  const offered = (data?.entries ?? []).filter((one) => one.status === 'offered' && one.offer);
  const services = useApi<{ services: Service[] }>('services', { enabled: offered.length > 0 });
  // The region is there before its words are, or readers would miss an offer that comes while the page is open.
  return (
    <div role="status" className={cx('grid gap-4', (offered.length > 0 || ended) && className)}>
      {ended && (
        <Banner tone="warning" takeFocus action={<Link className="link" to={paths.waitlist}>{t('list')}</Link>}>
          {t(ended)}
        </Banner>
      )}
      {offered.map((one) => (
        <Offer key={one.id} entry={one} service={services.data?.services.find((s) => s.id === one.serviceId)} onEnded={setEnded} />
      ))}
    </div>
  );
}

function Offer({ entry, service, onEnded }: { entry: WaitlistEntry; service?: Service; onEnded: (how: 'expired' | 'gone' | undefined) => void }) {
  const { t } = useOfferWords();
  const format = useFormat();
  const toast = useToast();
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const offer = entry.offer;
  const [left] = useCountdown(offer ? Math.max(0, Math.floor((Date.parse(offer.expiresAt) - serverNow()) / 1000)) : 0);
  const over = left <= 0;

  useEffect(() => {
    if (!over) return;
    onEnded('expired');
    void invalidate('waitlist');
    // Once, when the time is up.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [over]);

  const answer = useMutation<{ appointment?: Appointment }, ApiError, 'accept' | 'decline'>({
    mutationFn: (how) => api(`waitlist/${encodeURIComponent(entry.id)}/${how}`, { method: 'POST', body: {}, idempotencyKey: keyFor({ how, id: entry.id, at: offer?.slot.startTime }) }),
    onSuccess: async (data, how) => {
      onEnded(undefined);
      toast(t(how === 'accept' ? 'taken' : 'declined'));
      if (data.appointment && how === 'accept') void navigate(paths.appointment(data.appointment.id));
      await invalidate('waitlist', 'appointments', 'notifications');
    },
    onError: (error) => {
      if (error.status !== 409) return;
      onEnded(error.reason === 'OFFER_EXPIRED' ? 'expired' : 'gone');
      void invalidate('waitlist');
    },
  });

  if (!offer || over) return null;
  const { slot } = offer;
  return (
    <TintPanel>
      <div className="flex items-start gap-3">
        <Icon of={BellRing} className="mt-0.5 text-accent-text" />
        <h2>{t('title')}</h2>
      </div>
      <div className="mt-4 flex items-end gap-5">
        <DoorwayDate at={slot.localDate} />
        <div className="min-w-0">
          <p className="text-lg font-semibold">{asTitle(`${format.day(slot.localDate)}, ${format.wall(slot.localTime)}`)}</p>
          <p>{service?.name ?? t('service')}</p>
        </div>
      </div>
      <p className="mt-3 text-sm text-ink-2">{t('left', { when: format.deadline(offer.expiresAt), span: format.span(spoken(left)) })}</p>
      {answer.error?.status !== 409 && <Failure error={answer.error} className="mt-4" />}
      <Actions className="mt-4">
        <Button variant="primary" busy={answer.isPending && answer.variables === 'accept'} busyLabel={t('taking')} onClick={() => answer.isPending || answer.mutate('accept')}>
          {t('take')}
        </Button>
        <Button variant="quiet" onTint busy={answer.isPending && answer.variables === 'decline'} busyLabel={t('declining')} onClick={() => answer.isPending || answer.mutate('decline')}>
          {t('decline')}
        </Button>
      </Actions>
    </TintPanel>
  );
}

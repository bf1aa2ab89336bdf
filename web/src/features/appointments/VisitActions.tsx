import { CalendarClock, CircleCheck, DoorOpen, Video } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, AnchorButton, Button, LinkButton } from '@/components/Button';
import { Failure } from '@/components/Failure';
import { useToast } from '@/components/Toast';
import { useWide } from '@/lib/media';
import { useVisitAct } from '@/lib/visitActs';
import type { Appointment } from '@/lib/types';
import { CalendarButton } from './CalendarButton';
import { useActWords } from './visitWords';
import { useVisitWords } from './words';

const CancelDialog = lazy(() => import('./CancelDialog'));
const ConfirmVisit = lazy(() => import('./ConfirmVisit'));

/** What the server's flags allow now, the next step first. A reminder's link opens the question whether one will come. */
export function VisitActions({ visit, over }: { visit: Appointment; over: boolean }) {
  const { t } = useActWords();
  const { t: v } = useVisitWords();
  const toast = useToast();
  const wide = useWide();
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  const [cancelling, setCancelling] = useState(false);
  const [asking, setAsking] = useState(search.get('confirm') === '1');
  const [problem, setProblem] = useState<string>();
  const arrive = useVisitAct(visit, 'check-in');
  const confirm = useVisitAct(visit, 'confirm');

  const stop = () => {
    setAsking(false);
    confirm.reset();
    if (search.has('confirm')) setSearch({}, { replace: true });
  };
  const say = () =>
    confirm.mutate(undefined, {
      onSuccess: () => {
        stop();
        toast(t('confirmed'));
      },
    });
  const ahead = ['scheduled', 'confirmed', 'arrived'].includes(visit.status) && !over;
  // Whatever wrote the address, a link of ours never runs a script.
  const videoLink = ahead && visit.telehealthLink?.startsWith('https://') ? visit.telehealthLink : undefined;
  const canCancel = visit.canCancel && !over;
  const canMove = visit.canReschedule && ahead;
  const openAt = arrive.error?.reason === 'TOO_EARLY' ? (arrive.error.details.opensAtDisplay as string | undefined) : undefined;
  if (!ahead && !canCancel) return null;
  return (
    <>
      {openAt ? (
        <Banner tone="warning" announce="alert" takeFocus className="mt-6">
          {t('tooEarly', { when: openAt })}
        </Banner>
      ) : (
        <Failure error={arrive.error} className="mt-6" />
      )}
      {problem && (
        <Banner tone="danger" announce="alert" className="mt-6">
          {problem}
        </Banner>
      )}
      <Actions>
        {videoLink && (
          <AnchorButton variant="primary" icon={Video} href={videoLink} target="_blank" rel="noreferrer">
            {v('joinVideo')}
          </AnchorButton>
        )}
        {visit.canCheckIn && !over && (
          <Button variant={videoLink ? 'secondary' : 'primary'} icon={DoorOpen} busy={arrive.isPending} busyLabel={t('checkingIn')} onClick={() => arrive.mutate()}>
            {t('checkIn')}
          </Button>
        )}
        {visit.canConfirm && !over && (
          <Button variant={videoLink || visit.canCheckIn ? 'secondary' : 'primary'} icon={CircleCheck} busy={confirm.isPending && !asking} busyLabel={t('confirming')} onClick={() => setAsking(true)}>
            {t('confirm')}
          </Button>
        )}
        {canMove && (
          <LinkButton icon={CalendarClock} to={paths.moveAppointment(visit.id)}>
            {t('changeTime')}
          </LinkButton>
        )}
        {canCancel && (
          <Button onClick={() => (wide ? setCancelling(true) : void navigate(paths.cancelAppointment(visit.id)))}>
            {t(visit.status === 'requested' ? 'withdrawDo' : 'cancel')}
          </Button>
        )}
        {ahead && <CalendarButton visit={visit} variant="quiet" onProblem={setProblem} />}
      </Actions>
      <Suspense>
        {cancelling && <CancelDialog visit={visit} onClose={() => setCancelling(false)} />}
        {asking && visit.canConfirm && !over && <ConfirmVisit visit={visit} busy={confirm.isPending} error={confirm.error} onConfirm={say} onClose={stop} />}
      </Suspense>
    </>
  );
}

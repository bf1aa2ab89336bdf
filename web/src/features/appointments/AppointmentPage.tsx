import { ClipboardList, ExternalLink } from 'lucide-react';
import { useMemo } from 'react';
import { Link, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, LinkButton } from '@/components/Button';
import { Card, Details, Row, Rows } from '@/components/Card';
import { DoorwayDate } from '@/components/DoorwayDate';
import { Icon } from '@/components/Icon';
import { HelpLine, Page, PageError, PhoneLink } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { serverNow } from '@/lib/clock';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Appointment } from '@/lib/types';
import { History } from './History';
import { VisitNews } from './news';
import { freeNow } from '@/lib/visits';
import { addressLine, asTitle, clinicianOf, StatusChip, visitTime, wishedTime } from './parts';
import { VisitActions } from './VisitActions';
import { useActWords } from './visitWords';
import { useVisitWords } from './words';

/** /appointments/:id: one visit or request. The clinic's decision shows by itself. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = useVisitWords();
  const query = useApi<Appointment>(`appointments/${encodeURIComponent(id)}`);
  if (query.data) return <Visit key={id} visit={query.data} />;
  if (query.isError) return <PageError error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Page title={t('detailTitle')} back={{ to: paths.appointments, label: t('back') }}>
      <Skeleton shape="text" count={4} onRetry={() => void query.refetch()} />
    </Page>
  );
}

function Visit({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const { t: a } = useActWords();
  const format = useFormat();
  const request = visit.status === 'requested' || visit.status === 'declined';
  const visits = useMemo(() => [visit], [visit]);
  const when = visitTime(visit, format);
  const name = clinicianOf(visit);
  const what = name ? `${visit.appointmentType} ${t('withClinician', { name })}` : visit.appointmentType;

  return (
    <Page
      title={request ? t('requestTitle') : t('detailTitle')}
      heading={
        request ? (
          t('requestTitle')
        ) : (
          <span className="flex items-end gap-5">
            <DoorwayDate at={visit.appointmentDate} />
            <span className="pb-1">{asTitle(when)}</span>
          </span>
        )
      }
      back={{ to: paths.appointments, label: t('back') }}
      banner={<VisitNews visits={visits} />}
    >
      <div className="grid justify-items-start gap-2">
        <p className="text-lg font-semibold">{what}</p>
        {visit.guestName && <p>{a('forGuest', { name: visit.guestName })}</p>}
        <StatusChip status={visit.status} />
        <p className="max-w-(--measure) text-ink-2 empty:hidden">
          <Sentence visit={visit} />
        </p>
      </div>
      {visit.status === 'declined' && visit.requested?.declineReason && (
        <Banner tone="info" className="mt-4">
          <strong className="font-semibold">{t('clinicSays')}:</strong> {visit.requested.declineReason}
        </Banner>
      )}
      <WaitingRoom visit={visit} />
      <Card className="mt-6">
        <Facts visit={visit} />
      </Card>
      <Fees visit={visit} />
      <FormsDue visit={visit} />
      <NextSteps visit={visit} />
      {visit.groupBookingId && (
        <p className="mt-6">
          <Link className="link inline-flex min-h-11 items-center" to={paths.group(visit.groupBookingId)}>
            {a('partOfGroup')}
          </Link>
        </p>
      )}
      <History visit={visit} />
      <HelpLine className="mt-10" />
    </Page>
  );
}

function isOver(visit: Appointment): boolean {
  return Date.parse(visit.endTime) <= serverNow();
}

function Sentence({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const format = useFormat();
  switch (visit.status) {
    case 'requested':
      return t('sentenceRequested', { when: format.deadline(visit.requested?.submittedAt ?? visit.updatedAt) });
    case 'declined':
      return t('sentenceDeclined');
    case 'cancelled':
      return t('sentenceCancelled');
    case 'no_show':
      return t('sentenceNoShow');
    case 'completed':
      return t('sentencePast');
    default:
      // For the others the chip says it.
      return isOver(visit) ? t('sentencePast') : visit.status === 'scheduled' ? t('sentenceScheduled') : null;
  }
}

function Facts({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const wishes = visit.requested?.preferences ?? [];
  const undecided = visit.status === 'requested' || visit.status === 'declined';
  const places = [t('first'), t('second'), t('third')];
  return (
    <Details
      items={[
        ...(undecided && wishes.length > 0
          ? [
              {
                label: t('wished'),
                value: (
                  <ol className="grid gap-1">
                    {wishes.map((wish, index) => (
                      <li key={index}>
                        <span className="sr-only">{places[index]}: </span>
                        {asTitle(wishedTime(wish, format))}
                      </li>
                    ))}
                  </ol>
                ),
              },
            ]
          : []),
        { label: t('who'), value: clinicianOf(visit) || t('anyone') },
        visit.serviceLocation === 'TELEHEALTH' ? { label: t('how'), value: <VideoPlace visit={visit} /> } : { label: t('where'), value: <OfficePlace visit={visit} /> },
        { label: t('length'), value: t('minutes', { count: visit.duration }) },
        ...(visit.notes ? [{ label: t('yourNote'), value: <span className="whitespace-pre-line">{visit.notes}</span> }] : []),
      ]}
    />
  );
}

function OfficePlace({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  if (!visit.location) return t('inOffice');
  const address = addressLine(visit.location.address);
  return (
    <>
      {visit.location.name}
      <br />
      {address}
      <br />
      <a className="link inline-flex min-h-11 items-center gap-1.5" href={`https://www.openstreetmap.org/search?${new URLSearchParams({ query: address })}`} target="_blank" rel="noreferrer">
        {t('openMap')}
        <Icon of={ExternalLink} small />
      </a>
    </>
  );
}

function VideoPlace({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const ahead = ['scheduled', 'confirmed', 'arrived'].includes(visit.status) && !isOver(visit);
  return ahead && !visit.telehealthLink ? t('videoLater') : t('videoPlain');
}

/** What changing costs; and where it cannot be done here, that it can by telephone. */
function Fees({ visit }: { visit: Appointment }) {
  const { t, rich } = useVisitWords();
  const format = useFormat();
  const { phone } = useConfig();
  if (!['scheduled', 'confirmed'].includes(visit.status) || isOver(visit)) return null;
  const { cancellationDeadlineDisplay: when, feeAfterDeadlineCents: later, lateFeeCents: now } = visit;
  const free = freeNow(visit, serverNow());
  return (
    <p className="mt-4 max-w-(--measure) text-sm text-ink-2 empty:hidden">
      {when && free && (later ? t('freeUntil', { when, amount: format.money(later) }) : t('freeUntilPlain', { when }))}
      {when && !free && now !== undefined && t('feeNow', { when, amount: format.money(now) })}{' '}
      {!visit.canCancel && !visit.canReschedule && (phone ? rich('callToChange', { a: <PhoneLink phone={phone} /> }, { phone }) : t('callToChangeNoPhone'))}
    </p>
  );
}

function FormsDue({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const [only, ...others] = visit.formsDue;
  if (!only) return null;
  return (
    <div className="mt-6">
      <Rows>
        <Row level={2} icon={ClipboardList} title={t('formsDue', { count: visit.formsDue.length })} to={others.length === 0 ? paths.form(only) : paths.forms} />
      </Rows>
    </div>
  );
}

/** After a decline there is another try; otherwise what the visit's flags allow. */
function NextSteps({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  if (visit.status !== 'declined') return <VisitActions visit={visit} over={isOver(visit)} />;
  return (
    <Actions>
      <LinkButton variant="primary" to={`${paths.book}?${new URLSearchParams({ service: visit.serviceId })}`}>
        {t('askAgain')}
      </LinkButton>
    </Actions>
  );
}

/** Where the person stands in the waiting room; heard when it changes. */
function WaitingRoom({ visit }: { visit: Appointment }) {
  const { t } = useActWords();
  const here = visit.status === 'arrived';
  const ready = here && visit.waitingRoomStatus === 'room_ready';
  return (
    <div role="status" className={here ? 'mt-6' : undefined}>
      {here && <Banner tone={ready ? 'success' : 'info'}>{t(ready ? 'roomReady' : 'checkedIn')}</Banner>}
    </div>
  );
}

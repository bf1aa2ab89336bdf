import { BellRing, CalendarCheck, CalendarClock, CalendarCog, CalendarPlus, CalendarX, UsersRound, Video } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { cx } from '@/components/cx';
import { EmptyState } from '@/components/EmptyState';
import { Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { TabLinks } from '@/components/TabLinks';
import { WaitlistOffers } from '@/components/WaitlistOffers';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import { deviceStore, keys } from '@/lib/storage';
import type { Appointment, AppointmentList } from '@/lib/types';
import { VisitNews } from './news';
import { asTitle, clinicianOf, StatusChip, visitTime, wishedTime } from './parts';
import { useActWords } from './visitWords';
import { useVisitWords } from './words';

const WeekView = lazy(() => import('./WeekView'));

const tabs = ['upcoming', 'past', 'cancelled'] as const;
type Tab = (typeof tabs)[number];

/** /appointments: what is planned, what waits for the clinic, what was. */
export function Component() {
  const { t } = useVisitWords();
  const { t: a } = useActWords();
  const [view, setView] = useState<View>(() => (deviceStore.get(keys.visitsView) === 'week' ? 'week' : 'list'));
  const [search] = useSearchParams();
  const tab: Tab = tabs.find((one) => one === search.get('tab')) ?? 'upcoming';
  const page = Math.max(1, Number.parseInt(search.get('page') ?? '', 10) || 1);
  const query = useApi<AppointmentList>('appointments', { query: { status: tab, page, limit: 20 } });
  const empty = query.data?.appointments.length === 0;

  return (
    <Page title={t('title')} lead={<Lead tab={tab} list={query.data} />}>
      {tab === 'upcoming' && <WaitlistOffers className="mb-6" />}
      {!(empty && tab === 'upcoming' && view === 'list') && (
        <LinkButton variant="primary" icon={CalendarPlus} to={paths.book} className="mb-6">
          {a('bookVisit')}
        </LinkButton>
      )}
      <div className="mb-6 flex flex-wrap items-center justify-between gap-3">
        <TabLinks
          label={t('title')}
          current={tab}
          tabs={[
            { key: 'upcoming', label: t('tabUpcoming'), to: '?' },
            { key: 'past', label: t('tabPast'), to: '?tab=past' },
            { key: 'cancelled', label: t('tabCancelled'), to: '?tab=cancelled' },
          ]}
        />
        <ViewSwitch view={view} onChange={setView} />
      </div>
      {view === 'week' ? (
        <Suspense fallback={<Skeleton />}>
          <WeekView />
        </Suspense>
      ) : (
      <QueryView query={query}>
        {(list) => (
          <>
            {tab === 'upcoming' && <VisitNews visits={list.appointments} className="mb-6" />}
            <Visits tab={tab} list={list} />
          </>
        )}
      </QueryView>
      )}
      <Section title={a('moreWays')}>
        <Rows>
          <Row icon={BellRing} title={a('waitlist')} meta={[a('waitlistAbout')]} to={paths.waitlist} />
          <Row icon={UsersRound} title={a('groups')} meta={[a('groupsAbout')]} to={paths.groupBook} />
          <Row icon={CalendarCog} title={a('reminders')} meta={[a('remindersAbout')]} to={paths.calendar} />
        </Rows>
      </Section>
    </Page>
  );
}

type View = 'list' | 'week';

/** Two ways to see the same visits; the choice is kept on the device. */
function ViewSwitch({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  const { t } = useActWords();
  return (
    <div role="group" aria-label={t('view')} className="inline-flex gap-1 rounded-md border border-line bg-sunken p-1">
      {(['list', 'week'] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={view === one}
          onClick={() => {
            deviceStore.set(keys.visitsView, one);
            onChange(one);
          }}
          className={cx('min-h-11 rounded-sm border px-4', view === one ? 'border-line bg-surface font-semibold text-ink shadow-1' : 'border-transparent text-ink-2 hover:text-ink')}
        >
          {t(one)}
        </button>
      ))}
    </div>
  );
}

function Lead({ tab, list }: { tab: Tab; list?: AppointmentList }) {
  const { t } = useVisitWords();
  const format = useFormat();
  if (tab === 'past') return t('pastIntro');
  if (tab === 'cancelled') return t('cancelledIntro');
  if (!list) return <>&nbsp;</>;
  const next = list.appointments.find((one) => one.status !== 'requested');
  const waiting = list.appointments.filter((one) => one.status === 'requested').length;
  const sentences = [next ? t('next', { when: visitTime(next, format) }) : t('nothingPlanned'), waiting > 0 && t('waitingCount', { count: waiting })];
  return sentences.filter(Boolean).join(' ');
}

function Visits({ tab, list }: { tab: Tab; list: AppointmentList }) {
  const { t } = useVisitWords();
  const { t: a } = useActWords();
  const { appointments, pagination } = list;
  if (appointments.length === 0) {
    return tab === 'upcoming' ? (
      <EmptyState
        icon={CalendarPlus}
        action={
          <LinkButton variant="primary" to={paths.book}>
            {a('bookVisit')}
          </LinkButton>
        }
      >
        {t('emptyUpcoming')}
      </EmptyState>
    ) : (
      <EmptyState icon={tab === 'past' ? CalendarCheck : CalendarX}>{t(tab === 'past' ? 'emptyPast' : 'emptyCancelled')}</EmptyState>
    );
  }
  const requests = tab === 'upcoming' ? appointments.filter((one) => one.status === 'requested') : [];
  const visits = appointments.filter((one) => !requests.includes(one));
  const address = (page: number) => `?${new URLSearchParams({ ...(tab === 'upcoming' ? {} : { tab }), page: String(page) })}`;
  return (
    <>
      {visits.length > 0 && (
        <Section title={t('booked')} hiddenTitle={requests.length === 0} className="mt-0">
          <Rows>
            {visits.map((visit) => (
              <VisitRow key={visit.id} visit={visit} />
            ))}
          </Rows>
        </Section>
      )}
      {requests.length > 0 && (
        <Section title={t('requests')} className={visits.length === 0 ? 'mt-0' : undefined}>
          <Rows>
            {requests.map((request) => (
              <RequestRow key={request.id} request={request} />
            ))}
          </Rows>
        </Section>
      )}
      <Pager
        pagination={pagination}
        to={address}
        position={t('pageOf', { page: pagination.page, total: pagination.totalPages })}
        newer={tab === 'upcoming' ? t('earlier') : t('later')}
        older={tab === 'upcoming' ? t('later') : t('earlier')}
      />
    </>
  );
}

function VisitRow({ visit }: { visit: Appointment }) {
  const { t } = useVisitWords();
  const format = useFormat();
  // A declined request never had a time of its own: its row is named after the service.
  if (visit.status === 'declined') return <RequestRow request={visit} />;
  const name = clinicianOf(visit);
  return (
    <Row
      icon={visit.serviceLocation === 'TELEHEALTH' ? Video : CalendarCheck}
      title={asTitle(visitTime(visit, format))}
      to={paths.appointment(visit.id)}
      chip={<StatusChip status={visit.status} />}
      meta={[
        name ? `${visit.appointmentType} ${t('withClinician', { name })}` : visit.appointmentType,
        visit.serviceLocation === 'TELEHEALTH' ? t('video') : (visit.location?.name ?? t('inOffice')),
      ]}
    />
  );
}

function RequestRow({ request }: { request: Appointment }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const [first, ...others] = request.requested?.preferences ?? [];
  const name = clinicianOf(request);
  return (
    <Row
      icon={request.status === 'declined' ? CalendarX : CalendarClock}
      title={name ? `${request.appointmentType} ${t('withClinician', { name })}` : request.appointmentType}
      to={paths.appointment(request.id)}
      chip={<StatusChip status={request.status} />}
      meta={[
        first && t('askedFor', { when: wishedTime(first, format) }),
        others.length > 0 && t('orOthers', { count: others.length }),
        request.status === 'declined' && request.requested?.declineReason,
      ]}
    />
  );
}

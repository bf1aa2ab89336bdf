import { CalendarCheck, CalendarClock, CalendarPlus, CalendarX, Video } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { EmptyState } from '@/components/EmptyState';
import { Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { QueryView } from '@/components/QueryView';
import { TabLinks } from '@/components/TabLinks';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Appointment, AppointmentList } from '@/lib/types';
import { VisitNews } from './news';
import { asTitle, clinicianOf, StatusChip, visitTime, wishedTime } from './parts';
import { useVisitWords } from './words';

const tabs = ['upcoming', 'past', 'cancelled'] as const;
type Tab = (typeof tabs)[number];

/** /appointments: what is planned, what waits for the clinic, what was. */
export function Component() {
  const { t } = useVisitWords();
  const [search] = useSearchParams();
  const tab: Tab = tabs.find((one) => one === search.get('tab')) ?? 'upcoming';
  const page = Math.max(1, Number.parseInt(search.get('page') ?? '', 10) || 1);
  const query = useApi<AppointmentList>('appointments', { query: { status: tab, page, limit: 20 } });
  const empty = query.data?.appointments.length === 0;

  return (
    <Page title={t('title')} lead={<Lead tab={tab} list={query.data} />}>
      {!(empty && tab === 'upcoming') && (
        <LinkButton variant="primary" icon={CalendarPlus} to={paths.appointmentRequest} className="mb-6">
          {t('request')}
        </LinkButton>
      )}
      <div className="mb-6">
        <TabLinks
          label={t('title')}
          current={tab}
          tabs={[
            { key: 'upcoming', label: t('tabUpcoming'), to: '?' },
            { key: 'past', label: t('tabPast'), to: '?tab=past' },
            { key: 'cancelled', label: t('tabCancelled'), to: '?tab=cancelled' },
          ]}
        />
      </div>
      <QueryView query={query}>
        {(list) => (
          <>
            {tab === 'upcoming' && <VisitNews visits={list.appointments} className="mb-6" />}
            <Visits tab={tab} list={list} />
          </>
        )}
      </QueryView>
    </Page>
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
  const { appointments, pagination } = list;
  if (appointments.length === 0) {
    return tab === 'upcoming' ? (
      <EmptyState
        icon={CalendarPlus}
        action={
          <LinkButton variant="primary" to={paths.appointmentRequest}>
            {t('request')}
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

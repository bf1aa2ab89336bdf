import { lazy, Suspense, useState } from 'react';
import { useParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { HelpLine, Page, PageError } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import { useClientId, useSession } from '@/lib/session';
import type { Appointment, GroupBooking } from '@/lib/types';
import { useGroupWords } from './groupWords';
import { asTitle, clinicianOf, StatusChip, visitTime } from './parts';

const CancelAll = lazy(() => import('./CancelAll'));

/** /appointments/group/:id: everybody's visits in one booking, and the way to give all of them back. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = useGroupWords();
  const query = useApi<GroupBooking>(`group-bookings/${encodeURIComponent(id)}`);
  if (query.data) return <Details key={id} group={query.data} />;
  if (query.isError) return <PageError error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Page title={t('detailTitle')} back={{ to: paths.appointments, label: t('back') }}>
      <Skeleton onRetry={() => void query.refetch()} />
    </Page>
  );
}

function Details({ group }: { group: GroupBooking }) {
  const { t } = useGroupWords();
  const format = useFormat();
  const clientId = useClientId();
  const session = useSession();
  const [asking, setAsking] = useState(false);
  const clients = session.status === 'signed-in' ? session.session.clients : [];
  const nameOf = (visit: Appointment) => visit.guestName ?? clients.find((one) => one.clientId === visit.clientId)?.firstName ?? visit.appointmentType;
  const open = group.appointments.filter((one) => one.canCancel);
  const first = group.appointments[0];
  return (
    <Page title={t('detailTitle')} lead={first && asTitle(visitTime(first, format))} back={{ to: paths.appointments, label: t('back') }}>
      {group.status === 'cancelled' && <Banner className="mb-6">{t('isCancelled')}</Banner>}
      <Section title={t('visits')} className="">
        <Rows>
          {group.appointments.map((visit) => (
            <Row
              key={visit.id}
              avatar={nameOf(visit).charAt(0).toLocaleUpperCase()}
              title={nameOf(visit)}
              to={visit.clientId === clientId ? paths.appointment(visit.id) : undefined}
              chip={<StatusChip status={visit.status} />}
              meta={[visit.appointmentType, clinicianOf(visit) && t('withName', { name: clinicianOf(visit) }), asTitle(visitTime(visit, format))]}
            />
          ))}
        </Rows>
        <p className="mt-4 font-semibold">
          {t('total')}: {format.money(group.totalCents, group.currency)}
        </p>
      </Section>
      {group.status !== 'cancelled' && open.length > 0 && (
        <Button className="mt-6" onClick={() => setAsking(true)}>
          {t('cancel')}
        </Button>
      )}
      <HelpLine className="mt-10" />
      <Suspense>{asking && <CancelAll group={group} count={open.length} onClose={() => setAsking(false)} />}</Suspense>
    </Page>
  );
}

import { useNavigate, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Appointment } from '@/lib/types';
import { CancelForm } from './CancelForm';
import { useBookWords } from './bookWords';
import { useActWords } from './visitWords';

/** /appointments/:id/cancel: on phones a page, since there is more in it than a sheet should hold. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = useActWords();
  const { t: b } = useBookWords();
  const format = useFormat();
  const navigate = useNavigate();
  const query = useApi<Appointment>(`appointments/${encodeURIComponent(id)}`);
  const visit = query.data;
  if (!visit && query.isError) return <PageError error={query.error} onRetry={() => void query.refetch()} />;
  const back = () => void navigate(paths.appointment(id), { replace: true });
  const title = !visit ? t('cancelPage') : visit.status === 'requested' ? t('withdrawTitle') : t('cancelTitle', { day: format.relativeDay(visit.appointmentDate) });
  return (
    <TaskPage title={title} back={{ to: paths.appointment(id), label: b('toVisit') }}>
      {visit ? <CancelForm visit={visit} onKeep={back} onDone={back} /> : <Skeleton shape="text" onRetry={() => void query.refetch()} />}
    </TaskPage>
  );
}

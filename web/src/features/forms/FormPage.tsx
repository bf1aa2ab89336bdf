import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { paths } from '@/app/paths';
import { PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useApi } from '@/lib/query';
import type { FormSubmitted } from '@/lib/types';
import type { FormData } from './data';
import { FillForm } from './FillForm';
import { FormDone } from './FormDone';
import { lastSaveOf } from './useDraft';
import { useFormWords } from './words';

/** /forms/:id: fill in, check, sign; once sent, what was sent. */
export function Component() {
  const { id = '' } = useParams();
  return <FormPage key={id} id={id} />;
}

function FormPage({ id }: { id: string }) {
  const { t } = useFormWords();
  const settled = useLastSave(id);
  // What is being filled in is not fetched again: the page holds newer answers than the server.
  const [filling, setFilling] = useState<FormData>();
  const [sent, setSent] = useState<FormSubmitted>();
  const [sentElsewhere, setSentElsewhere] = useState(false);
  const query = useApi<FormData>(`forms/${encodeURIComponent(id)}`, { enabled: settled && (filling === undefined || sentElsewhere), staleTime: 0 });
  const fresh = query.isFetchedAfterMount && !query.isFetching ? query.data : undefined;
  if (fresh && !fresh.submission && !filling && !sentElsewhere) setFilling(fresh);

  if (filling && sent) {
    return (
      <FormDone
        form={filling.form}
        signed={filling.signatureRequired}
        submittedAt={sent.submittedAt}
        sha256={sent.sha256}
        signersLeft={Math.max(0, filling.signers.filter((one) => !one.signedAt).length - 1)}
      />
    );
  }
  if (fresh?.submission) {
    return (
      <FormDone
        form={fresh.form}
        signed={fresh.signatureRequired}
        submittedAt={fresh.submission.submittedAt}
        sha256={fresh.submission.sha256}
        signersLeft={fresh.form.signersLeft}
      />
    );
  }
  if (filling && !sentElsewhere) {
    return <FillForm data={filling} onSent={setSent} onSentElsewhere={() => setSentElsewhere(true)} />;
  }
  if (query.isError && !query.isFetching) return <PageError error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <TaskPage title={t('title')} back={{ to: paths.forms, label: t('back') }}>
      <Skeleton shape="form" count={2} onRetry={() => void query.refetch()} />
    </TaskPage>
  );
}

/** Coming back to a form at once must not overtake the last save of the visit before. */
function useLastSave(id: string): boolean {
  const [settled, setSettled] = useState(() => lastSaveOf(id) === undefined);
  useEffect(() => {
    let gone = false;
    void lastSaveOf(id)?.then(() => {
      if (!gone) setSettled(true);
    });
    return () => {
      gone = true;
    };
  }, [id]);
  return settled;
}

import { useEffect } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useApi } from '@/lib/query';
import type { Invoice } from '@/lib/types';
import { PayInvoice } from './PayInvoice';
import { usePaymentWords } from './words';

/** /payments/invoices/:id: the amount, what it is for, one button. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = usePaymentWords();
  useCleanAddress();
  const query = useApi<Invoice>(`invoices/${encodeURIComponent(id)}`);
  if (query.data) return <PayInvoice key={id} invoice={query.data} />;
  if (query.isError && !query.data) return <PageError error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <TaskPage title={t('title')} back={{ to: paths.payments, label: t('back') }}>
      <Skeleton shape="text" count={4} onRetry={() => void query.refetch()} />
    </TaskPage>
  );
}

/** A bank that sends people back adds its parameters, one of them a secret. They have done their work. */
function useCleanAddress() {
  const navigate = useNavigate();
  const { search } = useLocation();
  useEffect(() => {
    if (new URLSearchParams(search).has('payment_intent_client_secret')) void navigate('.', { replace: true });
  }, [search, navigate]);
}


import { useEffect, useState } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { useApi } from '@/lib/query';
import type { Invoice } from '@/lib/types';
import { PayInvoice } from './PayInvoice';
import { usePaymentWords } from './words';

/** /payments/invoices/:id: the amount, what it is for, one button. */
export function Component() {
  const { id = '' } = useParams();
  const { t } = usePaymentWords();
  const { features } = useConfig();
  useCleanAddress();
  const open = useStripePolicy(features.payments === 'stripe');
  const query = useApi<Invoice>(`invoices/${encodeURIComponent(id)}`);
  if (open && query.data) return <PayInvoice key={id} invoice={query.data} />;
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

/**
 * The content security policy that lets Stripe in comes only with documents opened under /payments. Whoever walked
 * here inside the app carries the policy of the page they began at: the document is loaded once more.
 */
function useStripePolicy(needed: boolean): boolean {
  const [open] = useState(() => !needed || openedUnderPayments());
  useEffect(() => {
    if (!open) window.location.reload();
  }, [open]);
  return open;
}

function openedUnderPayments(): boolean {
  const [document] = performance.getEntriesByType('navigation');
  // Without the answer, reloading could go on for ever.
  return document === undefined || new URL(document.name).pathname.startsWith(paths.payments);
}

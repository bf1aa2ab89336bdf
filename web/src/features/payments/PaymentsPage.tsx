import { CreditCard, ReceiptText } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { DataTable, type Column } from '@/components/DataTable';
import { EmptyState } from '@/components/EmptyState';
import { InlineError, Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Invoice, InvoiceList, Payment, PaymentList } from '@/lib/types';
import { hasReceipt, ReceiptButton } from './Receipt';
import { usePaymentWords } from './words';

/** /payments: what is owed, what was paid. */
export function Component() {
  const { t } = usePaymentWords();
  return (
    <Page title={t('title')} lead={<Balance />}>
      <Section title={t('toPay')} className="mt-0">
        <Unpaid />
      </Section>
      <Section title={t('history')}>
        <History />
      </Section>
    </Page>
  );
}

/** Two statuses are owed; the server lists one at a time. Soonest due first. */
function useUnpaid() {
  const open = useApi<InvoiceList>('invoices', { query: { status: 'open', limit: 100 } });
  const partly = useApi<InvoiceList>('invoices', { query: { status: 'partially_paid', limit: 100 } });
  const invoices = open.data && partly.data && [...open.data.invoices, ...partly.data.invoices].sort((a, b) => a.dueOn.localeCompare(b.dueOn));
  const failed = [open, partly].find((one) => one.isError);
  const retry = () => void Promise.all([open.refetch(), partly.refetch()]);
  return { invoices, balanceCents: open.data?.balanceCents, error: failed?.error, retry };
}

function Balance() {
  const { t } = usePaymentWords();
  const format = useFormat();
  const { balanceCents, invoices } = useUnpaid();
  if (balanceCents === undefined) return <>&nbsp;</>;
  return balanceCents > 0 ? t('balanceOwed', { amount: format.money(balanceCents, invoices?.[0]?.currency) }) : t('balanceNone');
}

function Unpaid() {
  const { t } = usePaymentWords();
  const { invoices, error, retry } = useUnpaid();
  if (!invoices) return error ? <InlineError error={error} onRetry={retry} /> : <Skeleton count={2} onRetry={retry} />;
  if (invoices.length === 0) return <EmptyState icon={CreditCard}>{t('emptyInvoices')}</EmptyState>;
  return (
    <Rows>
      {invoices.map((invoice, index) => (
        <InvoiceRow key={invoice.id} invoice={invoice} first={index === 0} />
      ))}
    </Rows>
  );
}

function InvoiceRow({ invoice, first }: { invoice: Invoice; first: boolean }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const { features } = useConfig();
  const money = (cents: number) => format.money(cents, invoice.currency);
  const away = format.daysAway(invoice.dueOn);
  const chip =
    away < 0 ? <Chip kind="overdue">{t('overdue')}</Chip> : away === 0 ? <Chip kind="dueToday">{t('dueToday')}</Chip> : away === 1 ? <Chip kind="dueTomorrow">{t('dueTomorrow')}</Chip> : undefined;
  const [line, ...others] = invoice.items;
  const to = paths.invoice(invoice.id);
  return (
    <Row
      icon={CreditCard}
      title={
        <>
          <span className="tabular-nums">{money(invoice.balanceCents)}</span>
          {line && `, ${others.length > 0 ? t('andMore', { what: line.description, count: others.length }) : line.description}`}
        </>
      }
      to={to}
      chip={chip}
      meta={[
        t('invoice', { number: invoice.number }),
        !chip && t('dueOn', { when: format.date(invoice.dueOn) }),
        invoice.paidCents > 0 && t('partlyPaid', { paid: money(invoice.paidCents), total: money(invoice.totalCents) }),
      ]}
      action={features.payments === 'off' ? undefined : { label: t('pay', { amount: money(invoice.balanceCents) }), primary: first, to }}
    />
  );
}

function History() {
  const { t } = usePaymentWords();
  const [search] = useSearchParams();
  const page = Math.max(1, Number.parseInt(search.get('page') ?? '', 10) || 1);
  const query = useApi<PaymentList>('payments/history', { query: { page, limit: 20 } });
  const columns = useColumns();
  return (
    <QueryView query={query} skeleton={<Skeleton onRetry={() => void query.refetch()} />}>
      {({ payments, pagination }) => {
        // An attempt that was begun and left is no payment.
        const made = payments.filter((one) => one.status !== 'pending');
        if (made.length === 0) return <EmptyState icon={ReceiptText}>{t('emptyHistory')}</EmptyState>;
        return (
          <>
            <DataTable caption={t('historyCaption')} columns={columns} rows={made} rowKey={(one) => one.id} />
            <Pager
              pagination={pagination}
              to={(n) => `?page=${n}`}
              position={t('pageOf', { page: pagination.page, total: pagination.totalPages })}
              newer={t('newer')}
              older={t('older')}
            />
          </>
        );
      }}
    </QueryView>
  );
}

function useColumns(): Column<Payment>[] {
  const { t } = usePaymentWords();
  const format = useFormat();
  const paidOn = (payment: Payment) => format.date(payment.paidAt ?? payment.createdAt);
  return [
    { key: 'date', header: t('colDate'), cell: paidOn },
    { key: 'method', header: t('colMethod'), cell: (payment) => <MethodWords method={payment.method} /> },
    { key: 'status', header: t('colStatus'), cell: (payment) => <StatusWords payment={payment} /> },
    { key: 'amount', header: t('colAmount'), cell: (payment) => format.money(payment.amountCents, payment.currency), money: true },
    {
      key: 'receipt',
      header: t('colReceipt'),
      cell: (payment) =>
        hasReceipt(payment) ? (
          <ReceiptButton paymentId={payment.id} small label={t('receiptWhat', { when: paidOn(payment) })}>
            {t('receipt')}
          </ReceiptButton>
        ) : (
          <span className="text-ink-2">{t('noReceipt')}</span>
        ),
    },
  ];
}

export function MethodWords({ method }: { method: Payment['method'] }) {
  const { t } = usePaymentWords();
  if (method.last4) return t('methodCardEnding', { brand: brandName(method.brand) ?? t('methodCard'), last4: method.last4 });
  switch (method.kind) {
    case 'card':
      return t('methodCard');
    case 'bank':
      return t('methodBank');
    case 'cash':
      return t('methodCash');
    case 'credit':
      return t('methodCredit');
    case 'test':
      return t('methodTest');
    default:
      return t('methodExternal');
  }
}

/** Stripe writes "visa"; people write "Visa". */
function brandName(brand: string | undefined): string | undefined {
  return brand && brand.charAt(0).toUpperCase() + brand.slice(1);
}

function StatusWords({ payment }: { payment: Payment }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  switch (payment.status) {
    case 'succeeded':
      return <Chip kind="paid">{t('statusPaid')}</Chip>;
    case 'processing':
    case 'pending':
      return <Chip kind="waiting">{t('statusProcessing')}</Chip>;
    case 'requires_action':
      return <Chip kind="waiting">{t('statusAction')}</Chip>;
    case 'failed':
      return <Chip kind="paymentFailed">{t('statusFailed')}</Chip>;
    case 'refunded':
      return <Chip kind="cancelled">{t('statusRefunded')}</Chip>;
    case 'partially_refunded':
      return <Chip kind="cancelled">{t('statusPartlyRefunded', { amount: format.money(payment.refundedCents, payment.currency) })}</Chip>;
    case 'disputed':
      return <Chip kind="declined">{t('statusDisputed')}</Chip>;
  }
}

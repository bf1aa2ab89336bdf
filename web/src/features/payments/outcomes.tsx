import { ShieldQuestion } from 'lucide-react';
import { useEffect, useState } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { Icon } from '@/components/Icon';
import { HelpLine, TaskPage } from '@/components/Page';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Invoice, InvoiceList } from '@/lib/types';
import { InvoiceLines } from './InvoiceLines';
import { hasReceipt, ReceiptButton } from './Receipt';
import { usePaymentWords } from './words';

const LONG_MS = 20_000;

/** The bank is at work. The page says that leaving it is safe. */
export function Waiting({ amountCents, currency, unsure }: { amountCents: number; currency: string; unsure: boolean }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <TaskPage title={t('waitingTitle')} lead={t('waitingBody', { amount: format.money(amountCents, currency) })} step="waiting">
      <div role="status">
        <Banner tone={unsure ? 'warning' : 'info'}>{unsure ? t('unsure') : long ? t('waitingLong') : t('waitingSafe')}</Banner>
      </div>
      <Actions>
        <LinkButton to={paths.payments}>{t('toPayments')}</LinkButton>
      </Actions>
      <HelpLine className="mt-10" />
    </TaskPage>
  );
}

interface ChallengeProps {
  amountCents: number;
  currency: string;
  test: boolean;
  onAnswer: (answer: 'succeed' | 'decline') => Promise<void>;
}

/** The bank wants to know that it is really them. */
export function Challenge({ amountCents, currency, test, onAnswer }: ChallengeProps) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const [busy, setBusy] = useState<'succeed' | 'decline'>();
  const answer = async (one: 'succeed' | 'decline') => {
    setBusy(one);
    await onAnswer(one);
    setBusy(undefined);
  };
  return (
    <TaskPage title={t('challengeTitle')} lead={t('challengeBody', { amount: format.money(amountCents, currency) })} back={{ to: paths.payments, label: t('back') }} step="challenge">
      {test && (
        <p className="flex items-start gap-3 rounded-lg border-2 border-dashed border-warning-line bg-warning-bg p-5">
          <Icon of={ShieldQuestion} className="mt-0.5 text-warning" />
          <span>
            <strong className="font-semibold">{t('testTitle')}.</strong> {t('testCheck')}
          </span>
        </p>
      )}
      <Actions>
        <Button variant="primary" busy={busy === 'succeed'} onClick={() => void answer('succeed')}>
          {test ? t('challengeYes') : t('challengeStripe')}
        </Button>
        {test && (
          <Button variant="quiet" busy={busy === 'decline'} onClick={() => void answer('decline')}>
            {t('challengeNo')}
          </Button>
        )}
      </Actions>
      <HelpLine className="mt-10" />
    </TaskPage>
  );
}

interface PaidProps {
  paymentId: string;
  amountCents: number;
  invoice: Invoice;
  onPayRest: () => void;
}

/** Paid: the receipt, and the balance as it is now. */
export function Paid({ paymentId, amountCents, invoice, onPayRest }: PaidProps) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const money = (cents: number) => format.money(cents, invoice.currency);
  const amount = money(amountCents);
  const { data } = useApi<InvoiceList>('invoices', { query: { limit: 1 }, staleTime: 0 });
  // The invoice on screen may still be the one from before the payment.
  const counted = invoice.payments.some((one) => one.id === paymentId && hasReceipt(one));
  const rest = counted ? invoice.balanceCents : Math.max(0, invoice.balanceCents - amountCents);
  return (
    <TaskPage
      title={t('paidTitle', { amount })}
      lead={rest > 0 ? t('paidPartial', { amount, rest: money(rest) }) : data ? t('paidBody', { amount, balance: money(data.balanceCents) }) : <>&nbsp;</>}
      back={{ to: paths.payments, label: t('back') }}
      step="paid"
    >
      <Actions>
        <LinkButton variant="primary" to={paths.payments}>
          {t('done')}
        </LinkButton>
        <ReceiptButton paymentId={paymentId}>{t('downloadReceipt')}</ReceiptButton>
        {rest > 0 && counted && (
          <Button variant="quiet" onClick={onPayRest}>
            {t('payRest')}
          </Button>
        )}
      </Actions>
    </TaskPage>
  );
}

/** Nothing to pay: paid before, withdrawn or refunded. */
export function Settled({ invoice, already }: { invoice: Invoice; already?: boolean }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const payments = invoice.payments.filter(hasReceipt);
  const lead = already
    ? t('alreadyBody', { number: invoice.number })
    : invoice.status === 'void'
      ? t('void')
      : invoice.status === 'refunded'
        ? t('settledRefunded')
        : t('settledPaid');
  return (
    <TaskPage title={already ? t('alreadyTitle') : t('settledTitle', { number: invoice.number })} lead={lead} back={{ to: paths.payments, label: t('back') }} step="settled">
      <InvoiceLines invoice={invoice} />
      {payments.length > 0 && (
        <ul className="mt-6 grid gap-3">
          {payments.map((payment) => (
            <li key={payment.id} className="flex flex-wrap items-center justify-between gap-3">
              <span>
                {t('paidTitle', { amount: format.money(payment.amountCents, payment.currency) })}
                <span className="block text-sm text-ink-2">{format.date(payment.paidAt ?? payment.createdAt)}</span>
              </span>
              <ReceiptButton paymentId={payment.id} small label={t('receiptWhat', { when: format.date(payment.paidAt ?? payment.createdAt) })}>
                {t('receipt')}
              </ReceiptButton>
            </li>
          ))}
        </ul>
      )}
      <Actions>
        <LinkButton to={paths.payments}>{t('toPayments')}</LinkButton>
      </Actions>
      <HelpLine className="mt-10" />
    </TaskPage>
  );
}

import { Lock } from 'lucide-react';
import { lazy, Suspense, useState, type FormEvent, type ReactNode, type Ref } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Fact } from '@/components/Card';
import { ErrorSummary } from '@/components/ErrorSummary';
import { TextInput } from '@/components/Field';
import { Page, PhoneLink } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { useFormat } from '@/lib/format';
import { ApiError } from '@/lib/pb';
import type { Invoice } from '@/lib/types';
import { InvoiceLines } from './InvoiceLines';
import { readAmount, type AmountProblem, type MachineIntent, type PayNotice } from './machine';
import type { StripePanelHandle } from './StripePanel';
import { usePaymentWords } from './words';

const StripePanel = lazy(() => import('./StripePanel'));

/** Amount first, then what it is for, then how to pay. */
function Amount({ invoice, label, cents, lead, children }: { invoice: Invoice; label: string; cents: number; lead: string; children: ReactNode }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  return (
    <Page
      title={t('invoice', { number: invoice.number })}
      heading={
        <>
          <span className="block text-lg leading-(--lh-lg) font-normal tracking-normal text-ink-2">{label}</span>
          <span className="mt-0.5 block text-3xl tracking-number tabular-nums">{format.money(cents, invoice.currency)}</span>
        </>
      }
      lead={lead}
      back={{ to: paths.payments, label: t('back') }}
      aside={
        <div className="hidden lg:block">
          <InvoiceLines invoice={invoice} />
        </div>
      }
    >
      <div className="lg:hidden">
        <InvoiceLines invoice={invoice} />
      </div>
      {children}
    </Page>
  );
}

interface CheckoutProps {
  invoice: Invoice;
  busy: boolean;
  notice?: PayNotice;
  onPay: (amountCents: number | undefined) => void;
  /** Stands where a card form would be, when the processor has none of its own. */
  method?: ReactNode;
}

/** The invoice, and the button that pays it (or, with Stripe, opens the card form). */
export function Checkout({ invoice, busy, notice, onPay, method }: CheckoutProps) {
  const { t } = usePaymentWords();
  const { clinicName, features } = useConfig();
  const format = useFormat();
  const [part, setPart] = useState<string>();
  const [problem, setProblem] = useState<AmountProblem>();
  const [tries, setTries] = useState(0);
  const money = (cents: number) => format.money(cents, invoice.currency);

  const typed = part === undefined ? undefined : readAmount(part, invoice.balanceCents);
  const amount = typed && 'cents' in typed ? typed.cents : invoice.balanceCents;
  const sentences: Record<AmountProblem, string> = {
    empty: t('amountEmpty'),
    format: t('amountFormat'),
    tooSmall: t('amountTooSmall', { min: money(1) }),
    tooLarge: t('amountTooLarge', { max: money(invoice.balanceCents) }),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = typed && 'problem' in typed ? typed.problem : undefined;
    setProblem(found);
    setTries(tries + 1);
    if (!found) onPay(part === undefined ? undefined : amount);
  };
  const showPart = (text: string | undefined) => {
    setPart(text);
    setProblem(undefined);
  };

  return (
    <Amount invoice={invoice} label={t('youOwe', { clinic: clinicName })} cents={invoice.balanceCents} lead={t('dueOn', { when: format.date(invoice.dueOn) })}>
      {features.payments === 'off' ? (
        <div className="mt-8">
          <Banner>
            {t('off')} <CallToPay />
          </Banner>
        </div>
      ) : (
        <form noValidate onSubmit={submit} className="mt-8">
          {tries > 0 && <ErrorSummary key={tries} problems={problem ? [{ id: 'amount', message: sentences[problem] }] : []} />}
          <Notice notice={notice} />
          {method && (
            <>
              <h2 className="mb-4">{t('howToPay')}</h2>
              {method}
            </>
          )}
          {part !== undefined && (
            <div className="mt-6">
              <TextInput
                name="amount"
                label={t('amountLabel')}
                hint={t('amountHint', { min: money(1), max: money(invoice.balanceCents) })}
                error={problem && sentences[problem]}
                inputMode="decimal"
                autoComplete="transaction-amount"
                className="max-w-48 tabular-nums"
                value={part}
                onChange={(event) => showPart(event.target.value)}
              />
            </div>
          )}
          <Button type="submit" variant="primary" wide busy={busy} busyLabel={method ? t('paying') : t('opening')} className="mt-6 min-h-13.5">
            {typed && 'problem' in typed ? t('payThis') : t(method ? 'pay' : 'toCard', { amount: money(amount) })}
          </Button>
          <OnePayment />
          <Button variant="quiet" small className="mt-4 -ml-3" onClick={() => showPart(part === undefined ? '' : undefined)}>
            {part === undefined ? t('otherAmount') : t('fullAmount')}
          </Button>
          <SomethingWrong />
        </form>
      )}
    </Amount>
  );
}

interface CardCheckoutProps {
  invoice: Invoice;
  intent: MachineIntent;
  busy: boolean;
  notice?: PayNotice;
  onPay: () => void;
  onBack: () => void;
  ref: Ref<StripePanelHandle>;
}

/** Stripe's card form for an amount that is settled. */
export function CardCheckout({ invoice, intent, busy, notice, onPay, onBack, ref }: CardCheckoutProps) {
  const { t } = usePaymentWords();
  const { stripePublishableKey, clinicName } = useConfig();
  const format = useFormat();
  const amount = format.money(intent.amountCents, invoice.currency);
  return (
    <Amount invoice={invoice} label={t('youPayTo', { clinic: clinicName })} cents={intent.amountCents} lead={t('dueOn', { when: format.date(invoice.dueOn) })}>
      <form
        noValidate
        className="mt-8"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) onPay();
        }}
      >
        <Notice notice={notice} />
        <h2 className="mb-4">{t('card')}</h2>
        <Suspense fallback={<Skeleton shape="form" count={2} />}>
          <StripePanel ref={ref} publishableKey={stripePublishableKey ?? ''} clientSecret={intent.clientSecret} />
        </Suspense>
        <Button type="submit" variant="primary" wide busy={busy} busyLabel={t('paying')} className="mt-6 min-h-13.5">
          {t('pay', { amount })}
        </Button>
        <OnePayment />
        <Button variant="quiet" small className="mt-4 -ml-3" onClick={busy ? undefined : onBack}>
          {t('changeAmount')}
        </Button>
        <SomethingWrong />
      </form>
    </Amount>
  );
}

function Notice({ notice }: { notice?: PayNotice }) {
  const { t } = usePaymentWords();
  const sentence = useErrorSentence();
  if (!notice) return null;
  // The processor's refusals speak for themselves: they say that nothing was charged.
  const own = notice.kind === 'failed' && notice.error instanceof ApiError && notice.error.status === 503 ? notice.error.message : undefined;
  const text = notice.kind === 'declined' ? t('declined') : notice.kind === 'unknown' ? t('unknown') : (own ?? sentence(notice.error));
  return (
    <Banner tone={notice.kind === 'unknown' ? 'warning' : 'danger'} announce="alert" className="mb-6">
      {text}
    </Banner>
  );
}

/** Once, and who sees the card. */
function OnePayment() {
  const { t } = usePaymentWords();
  const { clinicName, features } = useConfig();
  return (
    <div className="mt-4">
      <Fact icon={Lock}>{features.payments === 'stripe' ? t('promiseStripe', { clinic: clinicName }) : t('promise')}</Fact>
    </div>
  );
}

function SomethingWrong() {
  const { t, rich } = usePaymentWords();
  const { phone } = useConfig();
  return <p className="mt-4 text-sm text-ink-2">{phone ? rich('wrong', { a: <PhoneLink phone={phone} /> }, { phone }) : t('wrongNoPhone')}</p>;
}

function CallToPay() {
  const { t, rich } = usePaymentWords();
  const { phone } = useConfig();
  return <>{phone ? rich('offCall', { a: <PhoneLink phone={phone} /> }, { phone }) : t('offCallNoPhone')}</>;
}

import { useReducer, useRef, useState } from 'react';
import { useConfig } from '@/lib/config';
import { serverNow } from '@/lib/clock';
import { newKey, useIdempotencyKey } from '@/lib/idempotency';
import { api, ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { Intent, IntentRequest, Invoice, TestOutcome } from '@/lib/types';
import { CardCheckout, Checkout } from './Checkout';
import { FollowPayment } from './FollowPayment';
import { nextPayState, ready, type PayState } from './machine';
import { Challenge, Paid, Settled, Waiting } from './outcomes';
import type { StripePanelHandle } from './StripePanel';
import { TestPanel } from './TestPanel';

/** An attempt the bank is still at work on, from before this page was opened. */
function beginWith(invoice: Invoice): PayState {
  return invoice.payments.reduce(
    (state, { id, status, amountCents }) => (status === 'processing' || status === 'requires_action' ? nextPayState(state, { type: 'payment', id, status, amountCents, at: serverNow() }) : state),
    ready,
  );
}

/** One invoice and the attempt to pay it, through all its states. */
export function PayInvoice({ invoice }: { invoice: Invoice }) {
  const { features, stripePublishableKey } = useConfig();
  const invalidate = useInvalidate();
  const [state, dispatch] = useReducer(nextPayState, invoice, beginWith);
  const { keyFor, renew } = useIdempotencyKey();
  const [outcome, setOutcome] = useState<TestOutcome>('succeed');
  const card = useRef<StripePanelHandle>(null);

  const refused = (error: unknown) => {
    const known = error instanceof ApiError ? error : undefined;
    const reached = known !== undefined && known.status !== 0 && known.status !== 502 && known.status !== 504;
    // After an answer the next press is a new request; without one it must be the same.
    if (reached) renew();
    if (known?.code === 'CONFLICT') void invalidate('invoices');
    const inTheWay = known?.details.paymentId;
    dispatch({ type: 'refused', error, reason: known?.reason, paymentId: typeof inTheWay === 'string' ? inTheWay : undefined, reached, at: serverNow() });
  };

  const intentFor = (body: IntentRequest, key: string) => api<Intent>('payments/intent', { method: 'POST', body, idempotencyKey: key });
  const sent = () => {
    dispatch({ type: 'sent', at: serverNow() });
    void invalidate('payments', 'invoices');
  };
  const answerTestBank = async (paymentId: string, answer: TestOutcome) => {
    await api(`payments/${encodeURIComponent(paymentId)}/test-confirm`, { method: 'POST', body: { outcome: answer } });
    sent();
  };

  const pay = async (amountCents: number | undefined) => {
    if (state.kind !== 'ready') return;
    dispatch({ type: 'pay' });
    const body: IntentRequest = { invoiceId: invoice.id, ...(amountCents === undefined ? {} : { amountCents }) };
    try {
      const intent = await intentFor(body, keyFor(body));
      dispatch({ type: 'intent', intent });
      if (intent.status === 'processing' || intent.status === 'succeeded') sent();
      else if (intent.processor === 'test') await answerTestBank(intent.paymentId, outcome);
    } catch (error) {
      refused(error);
    }
  };

  const payByCard = async () => {
    if (state.kind !== 'entering' || !card.current) return;
    dispatch({ type: 'pay' });
    try {
      const answer = await card.current.confirm();
      if (answer.result === 'sent') sent();
      else dispatch(answer.result === 'declined' ? { type: 'declined', message: answer.message } : { type: 'incomplete' });
    } catch (error) {
      refused(error);
    }
  };

  const answerCheck = async (answer: 'succeed' | 'decline') => {
    if (state.kind !== 'challenge') return;
    try {
      if (features.payments === 'test') {
        await answerTestBank(state.paymentId, answer);
        return;
      }
      // The live attempt comes back with the secret that the bank's page needs.
      const intent = await intentFor({ invoiceId: invoice.id }, newKey());
      const { resumeCheck } = await import('./StripePanel');
      const { declined } = await resumeCheck(stripePublishableKey ?? '', intent.clientSecret);
      if (declined === undefined) sent();
      else dispatch({ type: 'declined', message: declined });
    } catch (error) {
      refused(error);
    }
  };

  const follow = (state.kind === 'waiting' || state.kind === 'challenge') && (
    <FollowPayment
      key={state.paymentId}
      id={state.paymentId}
      since={state.kind === 'waiting' ? state.since : undefined}
      onChange={(payment) => {
        if (payment.status === 'failed') renew();
        if (payment.status === 'succeeded') void invalidate('invoices');
        dispatch({ type: 'payment', id: payment.id, status: payment.status, amountCents: payment.amountCents, failureMessage: payment.failureMessage, at: serverNow() });
      }}
    />
  );

  switch (state.kind) {
    case 'waiting':
      return (
        <>
          {follow}
          <Waiting amountCents={state.amountCents ?? invoice.balanceCents} currency={invoice.currency} unsure={state.unsure ?? false} />
        </>
      );
    case 'challenge':
      return (
        <>
          {follow}
          <Challenge amountCents={state.amountCents ?? invoice.balanceCents} currency={invoice.currency} test={features.payments === 'test'} onAnswer={answerCheck} />
        </>
      );
    case 'paid':
      return (
        <Paid
          paymentId={state.paymentId}
          amountCents={state.amountCents}
          invoice={invoice}
          onPayRest={() => {
            renew();
            dispatch({ type: 'again' });
          }}
        />
      );
    case 'alreadyPaid':
      return <Settled invoice={invoice} already />;
    case 'entering':
    case 'confirming':
      if (state.intent.processor === 'stripe') {
        return (
          <CardCheckout
            ref={card}
            invoice={invoice}
            intent={state.intent}
            busy={state.kind === 'confirming'}
            notice={state.kind === 'entering' ? state.notice : undefined}
            onPay={() => void payByCard()}
            onBack={() => {
              renew();
              dispatch({ type: 'again' });
            }}
          />
        );
      }
      break;
    default:
      if (invoice.balanceCents <= 0 || invoice.status === 'void') return <Settled invoice={invoice} />;
  }
  return (
    <Checkout
      invoice={invoice}
      busy={state.kind !== 'ready'}
      notice={state.kind === 'ready' ? state.notice : undefined}
      onPay={(amountCents) => void pay(amountCents)}
      method={features.payments === 'test' ? <TestPanel value={outcome} onChange={setOutcome} /> : undefined}
    />
  );
}

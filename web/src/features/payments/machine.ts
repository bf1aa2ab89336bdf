/**
 * One payment of one invoice, as the page sees it. Only the server moves a
 * payment to "paid"; nothing a browser or a payment form says does.
 *
 *   ready ─ pay ─▶ starting ─ intent ─▶ confirming ─ sent ─▶ waiting ─ payment ─▶ paid
 *     ▲               │          │          ▲  │             │     ▲
 *     │               │          └▶ entering ─┘ (card form)  ▼     │
 *     └── refused ◀───┴── declined ◀───────────────────── challenge
 */

import type { Intent, PaymentStatus } from '@/lib/types';

export type MachineIntent = Pick<Intent, 'paymentId' | 'processor' | 'clientSecret' | 'amountCents'>;

export type PayState =
  | { kind: 'ready'; notice?: PayNotice }
  /** The intent is being made. */
  | { kind: 'starting' }
  /** Stripe's card form is open; a decline comes back here, with the form as it was. */
  | { kind: 'entering'; intent: MachineIntent; notice?: PayNotice }
  | { kind: 'confirming'; intent: MachineIntent }
  | (Attempt & {
      kind: 'waiting';
      since: number;
      /** Nobody knows whether the confirmation arrived. */
      unsure?: boolean;
      /** The bank's own check is behind us: a message that asks for it is an old one. */
      checked?: boolean;
    })
  | (Attempt & { kind: 'challenge' })
  | { kind: 'paid'; paymentId: string; amountCents: number }
  | { kind: 'alreadyPaid' };

interface Attempt {
  paymentId: string;
  /** Not known while only the server's refusal has named the attempt. */
  amountCents: number | undefined;
  /** Not known when the page was opened while the bank was already at work. */
  processor: MachineIntent['processor'] | undefined;
}

export type PayNotice =
  | { kind: 'declined'; message?: string }
  /** The request may or may not have arrived. Pressing again goes on with the same attempt. */
  | { kind: 'unknown' }
  | { kind: 'failed'; error: unknown };

export type PayEvent =
  | { type: 'pay' }
  | { type: 'intent'; intent: MachineIntent }
  /** `reached` is false when no answer came. `paymentId` names an attempt that stands in the way. */
  | { type: 'refused'; error: unknown; reason?: string; paymentId?: string; reached: boolean; at: number }
  /** The card form says no. */
  | { type: 'declined'; message?: string }
  /** The card form shows what is missing. */
  | { type: 'incomplete' }
  | { type: 'sent'; at: number }
  | { type: 'payment'; id: string; status: PaymentStatus; amountCents: number; failureMessage?: string; at: number }
  /** Back to the amount: another payment of the same invoice, or another amount. */
  | { type: 'again' };

/** How long a confirmation that may have been lost is waited for. */
const UNSURE_MS = 15_000;
/** How long a request for the bank's check is taken for an old message after the check was made. */
const CHECKED_MS = 30_000;

export const ready: PayState = { kind: 'ready' };

export function nextPayState(state: PayState, event: PayEvent): PayState {
  if (state.kind === 'alreadyPaid') return state;
  if (state.kind === 'paid') return event.type === 'again' ? ready : state;
  switch (event.type) {
    case 'pay':
      // A second press while the first is at work changes nothing.
      if (state.kind === 'entering') return { kind: 'confirming', intent: state.intent };
      return state.kind === 'ready' ? { kind: 'starting' } : state;

    case 'intent':
      if (state.kind !== 'starting') return state;
      return { kind: event.intent.processor === 'stripe' ? 'entering' : 'confirming', intent: event.intent };

    case 'refused':
      return onRefusal(state, event);

    case 'declined': {
      const notice: PayNotice = { kind: 'declined', message: event.message };
      if (state.kind === 'confirming' && state.intent.processor === 'stripe') return { kind: 'entering', intent: state.intent, notice };
      return state.kind === 'confirming' || state.kind === 'challenge' ? { kind: 'ready', notice } : state;
    }

    case 'incomplete':
      return state.kind === 'confirming' ? { kind: 'entering', intent: state.intent } : state;

    case 'sent': {
      const attempt = attemptOf(state);
      if (!attempt || state.kind === 'waiting') return state;
      // Stripe's form makes the bank's check before it comes back; the test processor asks for it afterwards.
      const checked = state.kind === 'challenge' || attempt.processor === 'stripe';
      return { kind: 'waiting', ...attempt, since: event.at, ...(checked ? { checked } : {}) };
    }

    case 'payment':
      return onPayment(state, event);

    case 'again':
      return state.kind === 'entering' ? ready : state;
  }
}

function attemptOf(state: PayState): Attempt | undefined {
  if (state.kind === 'confirming' || state.kind === 'entering') {
    const { paymentId, amountCents, processor } = state.intent;
    return { paymentId, amountCents, processor };
  }
  if (state.kind !== 'waiting' && state.kind !== 'challenge') return undefined;
  const { paymentId, amountCents, processor } = state;
  return { paymentId, amountCents, processor };
}

function onRefusal(state: PayState, event: Extract<PayEvent, { type: 'refused' }>): PayState {
  if (event.reason === 'ALREADY_PAID') return { kind: 'alreadyPaid' };
  if (event.reason === 'PAYMENT_IN_PROGRESS' && event.paymentId) {
    return { kind: 'waiting', paymentId: event.paymentId, amountCents: undefined, processor: undefined, since: event.at };
  }
  // A confirmation that got no answer may have arrived: wait for the server's word.
  const attempt = state.kind === 'entering' ? undefined : attemptOf(state);
  if (!event.reached && attempt) return { kind: 'waiting', ...attempt, since: event.at, unsure: true };
  return { kind: 'ready', notice: event.reached ? { kind: 'failed', error: event.error } : { kind: 'unknown' } };
}

function onPayment(state: PayState, event: Extract<PayEvent, { type: 'payment' }>): PayState {
  const mine = attemptOf(state);
  // While one attempt is made or followed, news of another is not for this page.
  // With the card form open, the form itself says what became of a try.
  if (state.kind === 'starting' || state.kind === 'entering' || (mine && mine.paymentId !== event.id)) return state;
  const attempt: Attempt = { paymentId: event.id, amountCents: event.amountCents, processor: mine?.processor };
  switch (event.status) {
    case 'succeeded':
      // From "ready" this is an older payment of the same invoice: nothing to show for it.
      return mine ? { kind: 'paid', paymentId: event.id, amountCents: event.amountCents } : state;
    case 'failed':
      return mine ? { kind: 'ready', notice: { kind: 'declined', message: event.failureMessage } } : state;
    case 'requires_action':
      // While the card form is at work it makes the check itself.
      if (state.kind === 'confirming' || (state.kind === 'waiting' && state.checked && event.at - state.since < CHECKED_MS)) return state;
      return { kind: 'challenge', ...attempt };
    case 'processing':
      if (state.kind === 'waiting') return state.amountCents === undefined ? { ...state, amountCents: event.amountCents } : state;
      return state.kind === 'confirming' ? state : { kind: 'waiting', ...attempt, since: event.at };
    case 'pending':
      // Nobody has confirmed this intent. Pressing again is safe: an invoice has one live attempt.
      return state.kind === 'waiting' && state.unsure && event.at - state.since >= UNSURE_MS ? { kind: 'ready', notice: { kind: 'unknown' } } : state;
    default:
      // Refunds and disputes of a payment that was made: the clinic's doing, and told elsewhere.
      return state;
  }
}

/** How long to wait before asking again: quickly at first, then patiently. */
export function pollDelay(waitedMs: number): number {
  if (waitedMs < 10_000) return 1500;
  return waitedMs < 60_000 ? 4000 : 15_000;
}

export type AmountProblem = 'empty' | 'format' | 'tooSmall' | 'tooLarge';

/**
 * Reads an amount a person typed ("45", "45.00", "$1,045.5", "45,00") into
 * integer cents, without floating point.
 */
export function readAmount(text: string, balanceCents: number, minimumCents = 1): { cents: number } | { problem: AmountProblem } {
  const tidy = text.replace(/[\s$€£]/g, '');
  if (tidy === '') return { problem: 'empty' };
  // The last separator followed by one or two digits is the decimal one; others group thousands.
  const match = /^(\d{1,3}(?:[.,]\d{3})+|\d+)(?:[.,](\d{1,2}))?$/.exec(tidy);
  // "4.555" may be a slip of the keyboard or four thousand: ask rather than guess.
  if (!match || /^\d+\.\d{3}$/.test(tidy)) return { problem: 'format' };
  const whole = (match[1] as string).replace(/[.,]/g, '');
  if (whole.length > 9) return { problem: 'tooLarge' };
  const cents = Number(whole) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  if (cents < minimumCents) return { problem: 'tooSmall' };
  return cents > balanceCents ? { problem: 'tooLarge' } : { cents };
}

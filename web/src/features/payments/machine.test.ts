import { describe, expect, it } from 'vitest';
import { nextPayState, pollDelay, readAmount, ready } from './machine';
import type { PaymentStatus } from '@/lib/types';
import type { MachineIntent, PayEvent, PayState } from './machine';

const intent: MachineIntent = { paymentId: 'p1', processor: 'test', clientSecret: 's', amountCents: 4500 };
const run = (...events: PayEvent[]): PayState => events.reduce(nextPayState, ready);
const pay: PayEvent = { type: 'pay' };
const made: PayEvent = { type: 'intent', intent };
const sent: PayEvent = { type: 'sent', at: 1000 };
const payment = (status: PaymentStatus, id = 'p1', at = 2000): PayEvent => ({ type: 'payment', id, status, amountCents: 4500, failureMessage: status === 'failed' ? 'No funds.' : undefined, at });
const refused = (more: Partial<Extract<PayEvent, { type: 'refused' }>>): PayEvent => ({ type: 'refused', error: 'e', reached: true, at: 1000, ...more });

describe('one payment', () => {
  it('is paid only when the server says so', () => {
    expect(run(pay, made, sent).kind).toBe('waiting');
    expect(run(pay, made, sent, payment('processing')).kind).toBe('waiting');
    expect(run(pay, made, sent, payment('succeeded'))).toEqual({ kind: 'paid', paymentId: 'p1', amountCents: 4500 });
  });

  it('hears the server even before its own confirmation has returned', () => {
    expect(run(pay, made, payment('succeeded')).kind).toBe('paid');
    expect(run(pay, made, payment('succeeded'), sent).kind).toBe('paid');
  });

  it('ignores a second press and another payment', () => {
    expect(run(pay, pay).kind).toBe('starting');
    expect(run(pay, made, pay).kind).toBe('confirming');
    expect(run(pay, made, sent, payment('succeeded', 'other')).kind).toBe('waiting');
  });

  it('stays on the page after a decline and can be tried again', () => {
    const declined = run(pay, made, sent, payment('failed'));
    expect(declined).toEqual({ kind: 'ready', notice: { kind: 'declined', message: 'No funds.' } });
    expect(nextPayState(declined, pay)).toEqual({ kind: 'starting' });
  });

  it('asks for the bank’s check and goes on after it', () => {
    const challenge = run(pay, made, sent, payment('requires_action'));
    expect(challenge).toEqual({ kind: 'challenge', paymentId: 'p1', amountCents: 4500, processor: 'test' });
    const answered = nextPayState(challenge, sent);
    expect(answered.kind).toBe('waiting');
    // The question that was just answered may be heard once more.
    expect(nextPayState(answered, payment('requires_action', 'p1', 5000))).toBe(answered);
    expect(nextPayState(answered, payment('requires_action', 'p1', 60_000)).kind).toBe('challenge');
    expect(nextPayState(challenge, payment('failed')).kind).toBe('ready');
  });

  it('leaves the check to the card form while that is at work', () => {
    const byStripe: PayEvent = { type: 'intent', intent: { ...intent, processor: 'stripe' } };
    expect(run(pay, byStripe, pay, payment('requires_action')).kind).toBe('confirming');
    expect(run(pay, byStripe, pay, sent, payment('requires_action')).kind).toBe('waiting');
  });

  it('opens Stripe’s card form first, and keeps it after a decline', () => {
    const byStripe: PayEvent = { type: 'intent', intent: { ...intent, processor: 'stripe' } };
    const entering = run(pay, byStripe);
    expect(entering.kind).toBe('entering');
    expect(nextPayState(entering, payment('failed'))).toBe(entering);
    expect(nextPayState(entering, { type: 'again' })).toEqual(ready);
    expect(run(pay, byStripe, pay, { type: 'declined', message: 'No.' })).toMatchObject({ kind: 'entering', notice: { kind: 'declined', message: 'No.' } });
    expect(run(pay, byStripe, pay, refused({ reached: false }))).toMatchObject({ kind: 'waiting', unsure: true });
  });

  it('follows the attempt that stands in the way', () => {
    const other = run(pay, refused({ reason: 'PAYMENT_IN_PROGRESS', paymentId: 'p0' }));
    expect(other).toMatchObject({ kind: 'waiting', paymentId: 'p0', amountCents: undefined });
    expect(nextPayState(other, payment('processing', 'p0'))).toMatchObject({ amountCents: 4500 });
    expect(nextPayState(other, payment('succeeded', 'p0')).kind).toBe('paid');
  });

  it('is not undone by a late message', () => {
    const paid = run(pay, made, sent, payment('succeeded'));
    expect(nextPayState(paid, payment('processing'))).toBe(paid);
    expect(nextPayState(paid, refused({}))).toBe(paid);
    expect(nextPayState(paid, pay)).toBe(paid);
    expect(nextPayState(paid, { type: 'again' })).toEqual(ready);
  });

  it('says that an invoice was already paid', () => {
    expect(run(pay, refused({ reason: 'ALREADY_PAID' }))).toEqual({ kind: 'alreadyPaid' });
  });

  it('tells a refusal from an answer that never came', () => {
    expect(run(pay, refused({}))).toEqual({ kind: 'ready', notice: { kind: 'failed', error: 'e' } });
    expect(run(pay, refused({ reached: false }))).toEqual({ kind: 'ready', notice: { kind: 'unknown' } });
  });

  it('waits when a confirmation got no answer, and offers a new try only when nothing was confirmed', () => {
    const unsure = run(pay, made, refused({ reached: false }));
    expect(unsure).toMatchObject({ kind: 'waiting', unsure: true });
    expect(nextPayState(unsure, payment('pending', 'p1', 5000))).toBe(unsure);
    expect(nextPayState(unsure, payment('pending', 'p1', 16_000))).toEqual({ kind: 'ready', notice: { kind: 'unknown' } });
    expect(nextPayState(unsure, payment('succeeded')).kind).toBe('paid');
  });

  it('picks up a payment that was at work before the page opened', () => {
    expect(run(payment('processing')).kind).toBe('waiting');
    expect(run(payment('processing'), payment('succeeded')).kind).toBe('paid');
    expect(run(payment('requires_action')).kind).toBe('challenge');
    expect(run(payment('succeeded'))).toBe(ready);
    expect(run(payment('failed'))).toBe(ready);
  });
});

describe('asking again', () => {
  it('is quick at first, then patient', () => {
    expect([0, 9_999, 10_000, 60_000].map(pollDelay)).toEqual([1500, 1500, 4000, 15_000]);
  });
});

describe('an amount as typed', () => {
  it.each([
    ['45', 4500], ['45.00', 4500], ['45,5', 4550], ['$1,045.50', 104550], ['1.045,50', 104550], [' 0.01 ', 1], ['1,045', 104500],
  ])('%s', (text, cents) => {
    expect(readAmount(text, 200_000)).toEqual({ cents });
  });

  it.each([
    ['', 'empty'], ['-5', 'format'], ['4.555', 'format'], ['12.3.4', 'format'], ['1e3', 'format'], ['0', 'tooSmall'], ['45.01', 'tooLarge'],
    ['99999999999', 'tooLarge'],
  ])('refuses %j', (text, problem) => {
    expect(readAmount(text, 4500)).toEqual({ problem });
  });
});

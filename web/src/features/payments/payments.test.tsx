import { act, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { Config, Invoice, Payment, PaymentStatus } from '@/lib/types';
import { clinic, loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { renderRoutes } from '@/test/render';
import { routes } from '.';

const pagination = { page: 1, limit: 20, total: 1, totalPages: 1 };
const invoice = (over: Partial<Invoice> = {}): Invoice => ({
  id: 'i1', number: '1047', status: 'open', issuedOn: '2026-11-05', dueOn: '2999-12-11', currency: 'USD', subtotalCents: 4500, discountCents: 0, taxCents: 0,
  totalCents: 4500, paidCents: 0, balanceCents: 4500, payments: [],
  items: [{ id: 'x', description: 'Individual therapy', quantity: 1, unitCents: 4500, totalCents: 4500 }], ...over,
});
const payment = (status: PaymentStatus, over: Partial<Payment> = {}): Payment => ({
  id: 'p1', invoiceIds: ['i1'], amountCents: 4500, refundedCents: 0, currency: 'USD', status, method: { kind: 'test' }, createdAt: '2026-11-20T10:00:00Z', ...over,
});
const intent = (over: object = {}) => ({
  paymentId: 'p1', processor: 'test', paymentIntentId: 'pi', clientSecret: 's', amountCents: 4500, currency: 'usd', status: 'requires_payment_method', ...over,
});
const balance = (balanceCents: number, invoices: Invoice[] = []) => ok({ invoices, balanceCents, pagination });

/** A clinic's server with one open invoice and the test processor, whose bank answers with `status`. */
function bank(status: PaymentStatus | (() => PaymentStatus), more: Routes = {}) {
  return serve({
    'GET invoices/i1': () => ok(invoice()),
    'GET invoices': () => balance(0),
    'POST payments/intent': () => ok(intent(), 201),
    'POST payments/p1/test-confirm': () => ok({}, 202),
    'GET payments/p1': () => ok(payment(typeof status === 'function' ? status() : status)),
    ...more,
  });
}
const open = (config: Partial<Config> = {}) => renderRoutes(routes, '/payments/invoices/i1', config);
const payButton = () => screen.findByRole('button', { name: /^Pay \$/ });

beforeEach(() => {
  signIn(loginData());
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('paying an invoice', () => {
  it('says the amount first, pays once, and shows the receipt and the balance', async () => {
    const seen = bank('succeeded');
    const { user } = open();
    expect(await screen.findByRole('heading', { level: 1, name: /You owe Juniper House/ })).toHaveTextContent('You owe Juniper House$45.00');
    expect(screen.getAllByText('Test processor').length).toBeGreaterThan(0);
    await user.dblClick(await payButton());

    expect(await screen.findByRole('heading', { level: 1, name: 'Paid $45.00' })).toBeVisible();
    expect(await screen.findByText('You paid $45.00. Your balance is now $0.00.')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Download the receipt' })).toBeVisible();
    expect(document.title).toBe('Paid $45.00, Juniper House');
    const intents = seen.filter((one) => one.route === 'POST payments/intent');
    expect(intents).toHaveLength(1);
    expect(intents[0]?.body).toEqual({ invoiceId: 'i1' });
    expect(intents[0]?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
    expect(seen.find((one) => one.route === 'POST payments/p1/test-confirm')?.body).toEqual({ outcome: 'succeed' });
  });

  it('stays on the page after a decline, says that nothing was charged, and tries anew with another key', async () => {
    const seen = bank('failed');
    const { user } = open();
    await user.click(await screen.findByRole('radio', { name: /Decline/ }));
    await user.click(await payButton());
    expect(await screen.findByRole('alert')).toHaveTextContent('Your bank declined this card. You have not been charged.');
    expect(screen.getByRole('radio', { name: /Decline/ })).toBeChecked();

    await user.click(await payButton());
    await waitFor(() => expect(seen.filter((one) => one.route === 'POST payments/intent')).toHaveLength(2));
    const keys = seen.filter((one) => one.route === 'POST payments/intent').map((one) => one.headers.get('Idempotency-Key'));
    expect(new Set(keys).size).toBe(2);
  });

  it('goes through the bank’s check', async () => {
    let status: PaymentStatus = 'requires_action';
    const seen = bank(() => status);
    const { user } = open();
    await user.click(await screen.findByRole('radio', { name: /Challenge/ }));
    await user.click(await payButton());
    expect(await screen.findByRole('heading', { name: 'Your bank wants to check it’s you' })).toBeVisible();
    status = 'succeeded';
    await user.click(screen.getByRole('button', { name: 'Yes, it’s me' }));
    expect(await screen.findByRole('heading', { name: 'Paid $45.00' })).toBeVisible();
    expect(seen.filter((one) => one.route.endsWith('test-confirm')).map((one) => one.body)).toEqual([{ outcome: 'challenge' }, { outcome: 'succeed' }]);
  });

  it('says that leaving is safe while the bank is at work, and changes by itself', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let status: PaymentStatus = 'processing';
    bank(() => status);
    const { user } = open();
    await user.click(await payButton());
    expect(await screen.findByText('It is safe to leave this page. You won’t be charged twice.')).toBeVisible();
    await act(() => vi.advanceTimersByTimeAsync(25_000));
    expect(screen.getByText('Your bank is still working on this. You can leave this page; we’ll email you.')).toBeVisible();
    status = 'succeeded';
    await act(() => vi.advanceTimersByTimeAsync(10_000));
    expect(await screen.findByRole('heading', { name: 'Paid $45.00' })).toBeVisible();
  });

  it('picks up a payment the bank is still working on', async () => {
    bank('processing', { 'GET invoices/i1': () => ok(invoice({ payments: [payment('processing')] })) });
    open();
    expect(await screen.findByRole('heading', { name: 'Your bank is working on it' })).toBeVisible();
  });

  it('repeats with the same key when no answer came', async () => {
    let lost = true;
    const seen = bank('succeeded', {
      'POST payments/intent': () => {
        if (lost) throw new TypeError('Failed to fetch');
        return ok(intent(), 201);
      },
    });
    const { user } = open();
    await user.click(await payButton());
    expect(await screen.findByRole('alert')).toHaveTextContent('We couldn’t tell whether that went through.');
    lost = false;
    await user.click(await payButton());
    expect(await screen.findByRole('heading', { name: 'Paid $45.00' })).toBeVisible();
    const keys = seen.filter((one) => one.route === 'POST payments/intent').map((one) => one.headers.get('Idempotency-Key'));
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('explains that the invoice was already paid', async () => {
    bank('succeeded', { 'POST payments/intent': () => refuse(409, 'ALREADY_PAID') });
    const { user } = open();
    await user.click(await payButton());
    expect(await screen.findByRole('heading', { name: 'This is already paid' })).toBeVisible();
    expect(screen.getByText(/You were not charged again\./)).toBeVisible();
  });

  it('follows the payment that stands in the way', async () => {
    bank('succeeded', { 'POST payments/intent': () => refuse(409, 'PAYMENT_IN_PROGRESS', { paymentId: 'p1' }) });
    const { user } = open();
    await user.click(await payButton());
    expect(await screen.findByRole('heading', { name: 'Paid $45.00' })).toBeVisible();
  });

  it('says what the processor says when it is out of reach', async () => {
    bank('succeeded', { 'POST payments/intent': () => refuse(503, 'PROCESSOR_UNAVAILABLE', {}, 'We can’t take a payment right now. You have not been charged.') });
    const { user } = open();
    await user.click(await payButton());
    expect(await screen.findByRole('alert')).toHaveTextContent('We can’t take a payment right now. You have not been charged.');
  });
});

describe('another amount', () => {
  it('is read in cents, refused when it is more than owed, and sent as integer cents', async () => {
    const seen = bank('succeeded', { 'POST payments/intent': () => ok(intent({ amountCents: 2050 }), 201), 'GET payments/p1': () => ok(payment('succeeded', { amountCents: 2050 })) });
    const { user } = open();
    await user.click(await screen.findByRole('button', { name: 'Pay another amount' }));
    const field = screen.getByLabelText('Amount to pay now');
    await user.type(field, '45.01');
    await user.click(screen.getByRole('button', { name: 'Pay this amount' }));
    expect(await screen.findByText('There is 1 thing to fix')).toBeVisible();
    expect(field).toHaveAccessibleDescription(expect.stringContaining('You owe $45.00. Enter that or less.'));
    expect(field).toHaveValue('45.01');
    expect(seen.some((one) => one.route === 'POST payments/intent')).toBe(false);

    await user.clear(field);
    await user.type(field, '20.50');
    await user.click(screen.getByRole('button', { name: 'Pay $20.50' }));
    expect(await screen.findByText('You paid $20.50. $24.50 of this invoice is left to pay.')).toBeVisible();
    expect(seen.find((one) => one.route === 'POST payments/intent')?.body).toEqual({ invoiceId: 'i1', amountCents: 2050 });
  });
});

describe('invoices that cannot be paid here', () => {
  it('sends people to the telephone where the clinic takes no payments online', async () => {
    bank('succeeded');
    open({ features: { ...clinic.features, payments: 'off' } });
    expect(await screen.findByText(/This clinic does not take payments online\./)).toBeVisible();
    expect(screen.queryByRole('button', { name: /Pay/ })).toBeNull();
  });

  it('shows a paid invoice with its receipt', async () => {
    bank('succeeded', { 'GET invoices/i1': () => ok(invoice({ status: 'paid', paidCents: 4500, balanceCents: 0, payments: [payment('succeeded')] })) });
    open();
    expect(await screen.findByText('This invoice is paid. There is nothing to do.')).toBeVisible();
    expect(screen.getByRole('button', { name: /Download the receipt of/ })).toBeVisible();
  });

  it('says that an invoice is not theirs, and offers the way home', async () => {
    bank('succeeded', { 'GET invoices/i1': () => refuse(404, 'NOT_FOUND') });
    open();
    expect(await screen.findByText('We can’t find that page, or it isn’t shared with you.')).toBeVisible();
  });
});

describe('the list', () => {
  const lists = (open: Invoice[], partly: Invoice[], payments: Payment[], balanceCents: number): Routes => ({
    'GET invoices': ({ query }) => balance(balanceCents, query.get('status') === 'open' ? open : partly),
    'GET payments/history': () => ok({ payments, pagination }),
  });

  it('says what is owed, and offers the most urgent first', async () => {
    serve(lists([invoice()], [invoice({ id: 'i2', number: '1031', dueOn: '2020-01-01', totalCents: 15000, paidCents: 5000, balanceCents: 10000 })], [payment('succeeded', { method: { kind: 'card', brand: 'visa', last4: '4242' } }), payment('pending', { id: 'p2' })], 14500));
    renderRoutes(routes, '/payments');
    expect(await screen.findByText('You owe $145.00.')).toBeVisible();
    expect(await screen.findByRole('link', { name: 'Pay $100.00' })).toHaveAttribute('href', '/payments/invoices/i2');
    expect(screen.getByText('Overdue')).toBeVisible();
    const table = await screen.findByRole('table', { name: 'Your payments, newest first' });
    // An attempt that was begun and left is no payment.
    expect(within(table).getAllByRole('row')).toHaveLength(2);
    expect(within(table).getByText('Visa ending in 4242')).toBeVisible();
  });

  it('says that nothing is owed', async () => {
    serve(lists([], [], [], 0));
    renderRoutes(routes, '/payments');
    expect(await screen.findByText('You owe nothing.')).toBeVisible();
    expect(await screen.findByText('There is nothing to pay.')).toBeVisible();
  });

  it('offers another try when it cannot be read', async () => {
    let broken = true;
    serve({ ...lists([], [], [], 0), 'GET invoices': () => (broken ? refuse(500) : balance(0)) });
    const { user } = renderRoutes(routes, '/payments');
    const again = await screen.findByRole('button', { name: 'Try again' });
    broken = false;
    await user.click(again);
    expect(await screen.findByText('There is nothing to pay.')).toBeVisible();
  });
});

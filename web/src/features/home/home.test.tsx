import { screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acknowledgeEnd, endSession, signIn, switchClient } from '@/lib/session';
import type { Appointment, FormItem, Invoice, Scope } from '@/lib/types';
import { renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, sessionInfo, type Routes } from '@/test/server';
import { routes } from '.';
import { inOrder, nextVisit, partOfDay } from './todo';

const pagination = { page: 1, limit: 20, total: 0, totalPages: 1 };
const form = (id: string, over: Partial<FormItem> = {}): FormItem => ({
  id,
  formType: 'assessment',
  formTitle: `Form ${id}`,
  assignedDate: '2026-11-01T00:00:00Z',
  status: 'pending',
  isOverdue: false,
  clientId: 'maya',
  signersLeft: 1,
  ...over,
});
const invoice = (id: string, over: Partial<Invoice> = {}): Invoice => ({
  id,
  number: '1047',
  status: 'open',
  issuedOn: '2026-11-05',
  dueOn: '2999-12-11',
  currency: 'USD',
  subtotalCents: 4500,
  discountCents: 0,
  taxCents: 0,
  totalCents: 4500,
  paidCents: 0,
  balanceCents: 4500,
  items: [{ id: 'x', description: 'Session on November 5', quantity: 1, unitCents: 4500, totalCents: 4500 }],
  payments: [],
  ...over,
});
const visit = (id: string, over: Partial<Appointment> = {}): Appointment => ({
  id,
  appointmentDate: '2999-12-03',
  startTime: '2999-12-03T21:30:00Z',
  endTime: '2999-12-03T22:20:00Z',
  duration: 50,
  appointmentType: 'Individual therapy',
  serviceLocation: 'TELEHEALTH',
  clinician: { id: 'p', firstName: 'Ana', lastName: 'Reyes', title: 'Dr.' },
  status: 'confirmed',
  canCancel: true,
  timeZone: 'America/Denver',
  localStart: '14:30',
  localEnd: '15:20',
  display: '',
  serviceId: 's',
  clientId: 'maya',
  canReschedule: true,
  canCheckIn: false,
  depositPaid: false,
  formsDue: [],
  updatedAt: '2026-11-01T00:00:00Z',
  ...over,
});

describe('the order of what needs you now', () => {
  const ids = (...args: Parameters<typeof inOrder>) => inOrder(...args).map((todo) => (todo.kind === 'form' ? todo.form.id : todo.invoice.id));

  it('is overdue, due soonest, needed for the next visit, money, the rest', () => {
    const forms = [
      form('rest'),
      form('visit'),
      form('later', { dueDate: '2026-12-20' }),
      form('soon', { dueDate: '2026-12-01' }),
      form('late', { dueDate: '2026-11-20', isOverdue: true }),
    ];
    const invoices = [invoice('money', { dueOn: '2026-12-11' }), invoice('lateMoney', { dueOn: '2026-11-10' })];
    expect(ids(forms, invoices, visit('v', { formsDue: ['visit'] }), '2026-11-30')).toEqual(['lateMoney', 'late', 'soon', 'later', 'visit', 'money', 'rest']);
  });

  it('leaves out what is paid', () => {
    expect(ids([], [invoice('paid', { balanceCents: 0 })], undefined, '2026-11-30')).toEqual([]);
  });

  it('does not take a request for a visit', () => {
    expect(nextVisit([visit('asked', { status: 'requested', startTime: '2999-01-01T00:00:00Z' }), visit('b'), visit('a', { startTime: '2999-02-01T00:00:00Z' })])?.id).toBe('a');
    expect(nextVisit([])).toBeUndefined();
  });

  it('greets by the time of day', () => {
    expect([0, 11, 12, 17, 18, 23].map(partOfDay)).toEqual(['morning', 'morning', 'afternoon', 'afternoon', 'evening', 'evening']);
  });
});

describe('home', () => {
  const server = (over: Routes = {}): Routes => ({
    'GET forms': () => ok({ forms: [], pagination }),
    'GET invoices': () => ok({ invoices: [], balanceCents: 0, pagination }),
    'GET appointments': () => ok({ appointments: [], pagination }),
    'GET notifications': () => ok({ notifications: [], unreadCount: 0, pagination }),
    'GET waitlist': () => ok({ entries: [] }),
    ...over,
  });
  beforeEach(() => signIn(loginData()));
  afterEach(() => {
    endSession('signed-out');
    acknowledgeEnd();
  });

  it('says so when nothing is asked, and has no solid button', async () => {
    serve(server());
    renderRoutes(routes, '/dashboard');
    expect(await screen.findByText('You’re all caught up.')).toBeInTheDocument();
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent(/Good (morning|afternoon|evening), Maya/);
    expect(screen.queryByRole('list')).toBeNull();
    expect(document.title).toBe('Home, Juniper House');
  });

  it('says how many things, when the first is due, and gives only the first a button', async () => {
    serve(
      server({
        'GET forms': ({ query }) => ok({ forms: query.get('status') === 'pending' ? [form('consent', { formType: 'consent', formTitle: 'Consent', dueDate: '2999-12-02' })] : [form('f2', { status: 'in_progress' })], pagination }),
        'GET invoices': ({ query }) => ok({ invoices: query.get('status') === 'open' ? [invoice('i1')] : [], balanceCents: 4500, pagination }),
      }),
    );
    renderRoutes(routes, '/dashboard');
    expect(await screen.findByText('Three things to do. The first is due Monday, December 2, 2999.')).toBeInTheDocument();
    const rows = within(screen.getByRole('list')).getAllByRole('listitem');
    expect(within(rows[0]!).getByRole('link')).toHaveAccessibleName('Read and sign');
    expect(within(rows[0]!).getByRole('link')).toHaveAttribute('href', '/forms/consent');
    expect(within(rows[1]!).getByRole('link')).toHaveAccessibleName('Pay $45.00, Pay');
    expect(within(rows[1]!).getByRole('link')).toHaveAttribute('href', '/payments/invoices/i1');
    expect(within(rows[2]!).getByRole('link')).toHaveAccessibleName('Finish “Form f2”, Continue');
  });

  it('shows the next visit and what still waits for the clinic', async () => {
    serve(server({ 'GET appointments': () => ok({ appointments: [visit('r', { status: 'requested' }), visit('v')], pagination }) }));
    renderRoutes(routes, '/dashboard');
    expect(await screen.findByRole('heading', { name: /^Tuesday, December 3, 2999, 2:30 to 3:20\spm$/ })).toBeInTheDocument();
    expect(screen.getByText('By video')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Change or cancel' })).toHaveAttribute('href', '/appointments/v');
    const waiting = screen.getByRole('heading', { name: 'Waiting for an answer' }).parentElement!;
    expect(within(waiting).getByText('Waiting for the clinic')).toBeInTheDocument();
  });

  it('asks only for what the access covers', async () => {
    const clients = sessionInfo().clients.map((one) => (one.clientId === 'leo' ? { ...one, scope: 'billing' as Scope } : one));
    signIn(loginData({ clients }));
    switchClient('leo');
    const seen = serve(server());
    renderRoutes(routes, '/dashboard');
    await screen.findByText('You’re all caught up.');
    expect(new Set(seen.map((one) => one.route))).toEqual(new Set(['GET invoices', 'GET notifications']));
    expect(new Set(seen.map((one) => one.headers.get('x-client-id')))).toEqual(new Set(['leo']));
    expect(screen.queryByRole('heading', { name: 'Your next appointment' })).toBeNull();
  });

  it('tells what failed and tries again', async () => {
    let broken = true;
    serve(server({ 'GET forms': () => (broken ? refuse(500) : ok({ forms: [], pagination })) }));
    const { user } = renderRoutes(routes, '/dashboard');
    expect(await screen.findByText(/Something went wrong on our side. Nothing was changed/)).toBeInTheDocument();
    broken = false;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('You’re all caught up.')).toBeInTheDocument();
  });

  it('marks a notification as read when it is opened', async () => {
    const seen = serve(
      server({
        'GET notifications': () =>
          ok({
            notifications: [{ id: 'n1', type: 'appointment_confirmed', title: 'Confirmed', message: 'Thursday', link: 'https://evil.example/x', priority: 'normal', read: false, dismissed: false, clientId: 'maya', createdAt: '2026-11-01T00:00:00Z' }, { id: 'n2', type: 'form_assigned', title: 'A form', message: 'For you', link: '/forms/f1', priority: 'normal', read: false, dismissed: false, clientId: 'maya', createdAt: '2026-11-01T00:00:00Z' }],
            unreadCount: 2,
            pagination,
          }),
        'POST notifications/n2/read': () => ok({}),
      }),
    );
    const { user } = renderRoutes([...routes, { path: '/forms/:id', element: <h1>Form</h1> }], '/dashboard');
    const link = await screen.findByRole('link', { name: /^Unread: ?A form$/ });
    // A link that leads out of the portal is not followed.
    expect(screen.queryByRole('link', { name: /Confirmed/ })).toBeNull();
    await user.click(link);
    await screen.findByRole('heading', { name: 'Form' });
    expect(seen.some((one) => one.route === 'POST notifications/n2/read')).toBe(true);
  });
});

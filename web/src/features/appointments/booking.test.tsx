import { screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatter } from '@/lib/format';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { Appointment, Availability, Slot } from '@/lib/types';
import { loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { renderRoutes } from '@/test/render';
import { groupBody, membersOf, missingIn, totalOf, type GroupDraft } from './groupDraft';
import { routes } from '.';
import { addMonths, byPart, clockChange, listedDays, monthWeeks, nextDay, nextKey, offsetWords, slotKey, windowFor, windowOf } from './slots';

const slot = (localDate: string, localTime: string, over: Partial<Slot> = {}): Slot => {
  const offset = over.utcOffset ?? '-07:00';
  const startTime = new Date(`${localDate}T${localTime}:00${offset}`).toISOString();
  return {
    startTime, endTime: new Date(Date.parse(startTime) + 50 * 60_000).toISOString(), localDate, localTime, utcOffset: offset, display: '', clinicianId: 'k1', locationId: 'l1', serviceLocation: 'IN_OFFICE', ...over,
  };
};
const address = { street: '214 Willow Street', city: 'Boulder', state: 'CO', zipCode: '80302' };
const catalogue: Routes = {
  'GET services': () =>
    ok({
      services: [
        { id: 'sv1', name: 'Individual therapy', category: 'Therapy', durationMinutes: 50, priceCents: 15000, currency: 'USD', depositRequired: false, bookingMode: 'instant', serviceLocations: ['IN_OFFICE'], seriesMax: 6 },
        { id: 'sv2', name: 'Assessment', category: 'Therapy', durationMinutes: 90, priceCents: 30000, currency: 'USD', depositRequired: true, depositCents: 5000, bookingMode: 'instant', serviceLocations: ['IN_OFFICE'] },
        { id: 'sv3', name: 'Surgery', category: 'Therapy', durationMinutes: 90, priceCents: 0, currency: 'USD', depositRequired: false, bookingMode: 'view', serviceLocations: ['IN_OFFICE'] },
      ],
    }),
  'GET providers': () => ok({ providers: [{ id: 'k1', firstName: 'Ana', lastName: 'Reyes', title: 'Dr.', specializations: [], isAcceptingNewPatients: true, serviceIds: ['sv1', 'sv2', 'sv3'], locationIds: ['l1'] }] }),
  'GET locations': () => ok({ locations: [{ id: 'l1', name: 'Juniper House', address, timeZone: 'America/Denver' }] }),
};
const days = [
  { date: '2026-12-01', slots: [] },
  { date: '2026-12-02', slots: [slot('2026-12-02', '09:00'), slot('2026-12-02', '14:30', { freeUntilDisplay: 'Tuesday, December 1 at 2:30 pm' }), slot('2026-12-02', '16:00')] },
  { date: '2026-12-03', slots: [] },
  { date: '2026-12-04', slots: [] },
  { date: '2026-12-05', slots: [slot('2026-12-05', '17:00')] },
];
const availability = (over: Partial<Availability> = {}): Availability => ({
  serviceId: 'sv1', durationMinutes: 50, timeZone: 'America/Denver', days, bookingMode: 'instant', enforced: true, clinicians: [], terms: { freeCancelHours: 24, lateCancel: 'fee', lateFeeCents: 7500, graceMinutes: 0, requestHolds: false }, ...over,
});
const empty = availability({ days: [{ date: '2026-12-29', slots: [] }] });
const times = (first: Availability) => ({ 'GET appointments/availability': ({ query }: { query: URLSearchParams }) => ok(query.get('from') === '2026-12-01' ? first : empty) });
const visit = (over: Partial<Appointment> = {}): Appointment => ({
  id: 'a1', appointmentDate: '2026-12-02', startTime: '2026-12-02T21:30:00Z', endTime: '2026-12-02T22:20:00Z', duration: 50, appointmentType: 'Individual therapy', serviceLocation: 'IN_OFFICE',
  location: { id: 'l1', name: 'Juniper House', address }, clinician: { id: 'k1', firstName: 'Ana', lastName: 'Reyes', title: 'Dr.' }, status: 'scheduled', canCancel: true, canReschedule: true, canCheckIn: false, canConfirm: false,
  depositPaid: false, formsDue: [], timeZone: 'America/Denver', localStart: '14:30', localEnd: '15:20', display: '', serviceId: 'sv1', clientId: 'maya', cancellationDeadline: '2026-12-01T21:30:00Z', cancellationDeadlineDisplay: 'Tuesday, December 1 at 11:00 am', updatedAt: '2026-11-01T00:00:00Z', ...over,
});
/** "9:00 am" as the page writes it: the two never part at the end of a line. */
const exact = (name: string) => name.replace(/ (am|pm)/g, '\u00a0$1');
const elsewhere = [{ path: '/payments/invoices/:id', element: <h1>Pay</h1> }];

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, now: new Date('2026-12-01T19:10:00Z'), toFake: ['Date'] });
  signIn(loginData());
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('the list of times', () => {
  it('shows so many days with times, and a run without any as one', () => {
    const all = listedDays(days, '2026-12-02', 5);
    expect(all.items.map((one) => (one.kind === 'day' ? one.day.date : `${one.from} to ${one.to}`))).toEqual(['2026-12-02', '2026-12-03 to 2026-12-04', '2026-12-05']);
    expect(all.more).toBe(false);
    const one = listedDays(days, '2026-12-01', 1);
    expect(one.items.at(-1)).toEqual({ kind: 'none', from: '2026-12-03', to: '2026-12-04' });
    expect(one.more).toBe(true);
  });

  it('groups by part of the day', () => {
    expect(byPart([...days[1]!.slots, ...days[4]!.slots]).map(({ part, slots }) => [part, slots.map((one) => one.localTime)])).toEqual([
      ['morning', ['09:00']],
      ['afternoon', ['14:30', '16:00']],
      ['evening', ['17:00']],
    ]);
  });

  it('goes by the arrows, round and to both ends', () => {
    const keys = ['a', 'b', 'c'];
    expect([nextKey(keys, 'a', 'ArrowRight'), nextKey(keys, 'c', 'ArrowDown'), nextKey(keys, 'a', 'ArrowLeft'), nextKey(keys, 'b', 'Home'), nextKey(keys, 'b', 'End'), nextKey(keys, 'b', 'x')]).toEqual(['b', 'a', 'c', 'a', 'c', undefined]);
  });

  it('moves in the month by day, week and month', () => {
    expect(nextDay('2026-12-31', 'ArrowRight')).toBe('2027-01-01');
    expect(nextDay('2026-12-01', 'ArrowUp')).toBe('2026-11-24');
    expect(nextDay('2027-01-31', 'PageDown')).toBe('2027-02-28');
    expect(addMonths('2026-01-15', -1)).toBe('2025-12-15');
    const weeks = monthWeeks('2026-12-09');
    expect(weeks[0]).toEqual([undefined, '2026-12-01', '2026-12-02', '2026-12-03', '2026-12-04', '2026-12-05', '2026-12-06']);
    expect(weeks.at(-1)?.[3]).toBe('2026-12-31');
  });

  it('asks four weeks at a time', () => {
    expect(windowOf('2026-12-01', 1)).toEqual({ from: '2026-12-29', to: '2027-01-25' });
    expect([windowFor('2026-12-01', '2026-12-28'), windowFor('2026-12-01', '2026-12-29'), windowFor('2026-12-01', '2099-01-01')]).toEqual([0, 1, 6]);
  });

  it('reads offsets as the server wrote them', () => {
    expect([offsetWords('-07:00'), offsetWords('+05:30'), offsetWords('+00:00')]).toEqual(['UTC\u22127', 'UTC+5:30', 'UTC+0']);
    expect(clockChange([slot('2026-10-31', '09:00', { utcOffset: '-06:00' }), slot('2026-11-02', '09:00')])?.localDate).toBe('2026-11-02');
  });
});

describe('booking a time', () => {
  async function open(more: Routes = {}, first = availability()) {
    const seen = serve({ ...catalogue, ...times(first), ...more });
    const view = renderRoutes([...routes, ...elsewhere], '/appointments/book?service=sv1');
    await screen.findByRole('radiogroup', { name: 'Free times' });
    return { ...view, seen };
  }
  const time = (name: string) => screen.getByRole('radio', { name: new RegExp(`^${exact(name)}`) });

  it('skips what leaves no choice, says what a time means, and books it once', async () => {
    const { user, seen } = await open({ 'POST appointments': () => ok({ appointment: visit() }, 201) });
    expect(screen.getByText(/^All times are Boulder time \(UTC−7\)\./)).toBeVisible();
    expect(screen.getByText('No times from Thursday 3 to Friday 4')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Thursday, December 3, no times' })).toBeDisabled();
    await user.click(time('Wednesday, December 2, 2:30 pm'));
    expect(screen.getByText('$150.00, nothing to pay now')).toBeVisible();
    expect(screen.getByText('Free to change or cancel until Tuesday, December 1 at 2:30 pm. After that the fee is $75.00.')).toBeVisible();
    expect(seen.some((one) => one.route === 'POST appointments')).toBe(false);
    await user.type(screen.getByLabelText(/^Anything we should know/), 'I come by bus.');
    await user.click(screen.getByRole('button', { name: 'Book this time' }));
    expect(await screen.findByRole('heading', { name: 'You’re booked' })).toBeVisible();
    const request = seen.find((one) => one.route === 'POST appointments');
    expect(request?.body).toEqual({ serviceId: 'sv1', practitionerId: 'k1', locationId: 'l1', startTime: '2026-12-02T21:30:00.000Z', serviceLocation: 'IN_OFFICE', patientNotes: 'I come by bus.' });
    expect(request?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['nothing', { lateCancel: 'free' as const, graceMinutes: 0 }, 'You can change or cancel for free until it begins.'],
    ['the fee at once', { lateCancel: 'fee' as const, lateFeeCents: 7500, graceMinutes: 0 }, 'This time is soon: changing or cancelling costs $75.00 from the start.'],
    ['the fee after the grace', { lateCancel: 'fee' as const, lateFeeCents: 7500, graceMinutes: 60 }, 'This time is soon: changing or cancelling costs $75.00, except within 60 minutes of booking.'],
    ['a call after the grace', { lateCancel: 'refuse' as const, graceMinutes: 60 }, 'This time is soon: it can be changed or cancelled here within 60 minutes of booking, then only by phone.'],
  ])('says that calling off a time that is soon costs %s', async (_, terms, words) => {
    const { user } = await open({}, availability({ terms: { freeCancelHours: 24, requestHolds: false, ...terms } }));
    await user.click(time('Wednesday, December 2, 9:00 am'));
    expect(screen.getByText(words)).toBeVisible();
  });

  it('is one stop for the Tab key, and arrows choose', async () => {
    const { user } = await open();
    const radios = screen.getAllByRole('radio');
    expect(radios.map((one) => one.tabIndex)).toEqual([0, -1, -1, -1]);
    radios[0]!.focus();
    await user.keyboard('{ArrowRight}{ArrowDown}{ArrowDown}');
    expect(time('Saturday, December 5, 5:00 pm')).toHaveFocus();
    expect(time('Saturday, December 5, 5:00 pm')).toHaveAttribute('aria-checked', 'true');
    await user.keyboard('{Home}');
    expect(time('Wednesday, December 2, 9:00 am')).toHaveAttribute('aria-checked', 'true');
    expect(screen.getAllByRole('radio', { checked: true })).toHaveLength(1);
  });

  it('tells the two hours apart when the clocks go back', async () => {
    const twice = [slot('2026-12-02', '01:30', { utcOffset: '-06:00', again: 'first' }), slot('2026-12-02', '01:30', { again: 'second' })];
    const { user } = await open({}, availability({ days: [{ date: '2026-12-02', slots: twice }] }));
    expect(screen.getAllByRole('radio').map((one) => one.getAttribute('aria-label')?.split(', UTC')[0])).toEqual([exact('Wednesday, December 2, 1:30 am (first)'), exact('Wednesday, December 2, 1:30 am (second)')]);
    await user.click(screen.getAllByRole('radio')[1]!);
    expect(screen.getAllByText(/\(second\)/).length).toBeGreaterThan(1);
    expect(new Set(twice.map(slotKey)).size).toBe(2);
  });

  it('stays when the time was just taken, takes it away and offers the next', async () => {
    const next = slot('2026-12-02', '16:00');
    let tries = 0;
    const { user, seen } = await open({ 'POST appointments': () => (tries++ === 0 ? refuse(409, 'SLOT_UNAVAILABLE', { nextAvailable: next }) : ok({ appointment: visit() }, 201)) });
    await user.click(time('Wednesday, December 2, 2:30 pm'));
    await user.click(screen.getByRole('button', { name: 'Book this time' }));
    const banner = await screen.findByRole('alert');
    expect(banner).toHaveTextContent(/That time was just taken\. The next one is 4:00\spm\./);
    expect(banner).toHaveFocus();
    expect(screen.queryByRole('radio', { name: new RegExp(`^${exact('Wednesday, December 2, 2:30 pm')}`) })).toBeNull();
    await user.click(within(banner).getByRole('button', { name: exact('Choose 4:00 pm') }));
    expect(time('Wednesday, December 2, 4:00 pm')).toHaveAttribute('aria-checked', 'true');
    await user.click(screen.getByRole('button', { name: 'Book this time' }));
    expect(await screen.findByRole('heading', { name: 'You’re booked' })).toBeVisible();
    const keys = seen.filter((one) => one.route === 'POST appointments').map((one) => one.headers.get('Idempotency-Key'));
    expect(new Set(keys).size).toBe(2);
  });

  it('repeats, and asks before it leaves out what is taken', async () => {
    let tries = 0;
    const { user, seen } = await open({ 'POST appointments': () => (tries++ === 0 ? refuse(409, 'SLOT_UNAVAILABLE', { taken: ['2026-12-09'] }) : ok({ appointment: visit(), series: { id: 's', appointments: [visit(), visit({ id: 'a2' })], skipped: ['2026-12-09'] } }, 201)) });
    await user.selectOptions(screen.getByLabelText('How often?'), 'Every week');
    await user.selectOptions(screen.getByLabelText('How many visits'), '3 visits');
    await user.click(time('Wednesday, December 2, 2:30 pm'));
    await user.click(screen.getByRole('button', { name: 'Book this time' }));
    await user.click(await screen.findByRole('button', { name: 'Book the others' }));
    expect(await screen.findByText('Left out, because they were taken: December 9.')).toBeVisible();
    expect(seen.filter((one) => one.route === 'POST appointments').map((one) => (one.body as { series: unknown }).series)).toEqual([
      { count: 3, everyDays: 7 },
      { count: 3, everyDays: 7, skipTaken: true },
    ]);
  });

  it('says the deposit before it, and leads to paying it', async () => {
    serve({ ...catalogue, ...times(availability()), 'POST appointments': () => ok({ appointment: visit(), deposit: { invoiceId: 'i9', amountCents: 5000 } }, 201) });
    const { user } = renderRoutes([...routes, ...elsewhere], '/appointments/book?service=sv2');
    await user.click(await screen.findByRole('radio', { name: /9:00/ }));
    expect(screen.getByText('$300.00, of which $50.00 now')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Book and pay $50.00 deposit' }));
    expect(await screen.findByRole('heading', { name: 'Pay' })).toBeVisible();
  });

  it('sends whom it cannot book for to the telephone, to a request, or to the waitlist', async () => {
    serve({ ...catalogue, ...times(availability({ days: [], enforced: true })) });
    const phone = renderRoutes(routes, '/appointments/book');
    await phone.user.click(await screen.findByRole('radio', { name: /Surgery/ }));
    expect(screen.getByRole('link', { name: '(303) 555-0142' })).toHaveAttribute('href', 'tel:3035550142');
    expect(screen.queryByRole('button', { name: 'Continue' })).toBeNull();
    phone.unmount();
    const none = renderRoutes(routes, '/appointments/book?service=sv2');
    expect(await screen.findByText(/^No times in the next \d+ weeks\. Join the waitlist/)).toBeVisible();
    expect(screen.getByRole('link', { name: 'Join the waitlist' })).toHaveAttribute('href', '/appointments/waitlist/join');
    none.unmount();
    serve({ ...catalogue, 'GET appointments/availability': () => ok(availability({ bookingMode: 'request', enforced: false, days: [] })) });
    renderRoutes(routes, '/appointments/book?service=sv1');
    expect(await screen.findByRole('heading', { name: 'When would suit you?' })).toBeVisible();
  });
});

describe('giving a visit back', () => {
  const path = 'GET appointments/a1';
  const terms = { allowed: true, feeCents: 7500, deadline: '2026-12-01T18:00:00Z' };

  it('says what it costs on the button, and pays no other fee', async () => {
    let fee = 7500;
    const seen = serve({
      [path]: () => ok(visit()), 'GET appointments/a1/cancellation': () => ok({ ...terms, feeCents: fee }), ...times(availability()),
      'POST appointments/a1/cancel': ({ body }) => {
        if ((body as { acceptFeeCents: number }).acceptFeeCents === 9000) return ok(visit({ status: 'cancelled' }));
        fee = 9000;
        return refuse(409, 'FEE_NOT_ACCEPTED', { feeCents: 9000 });
      },
    });
    const { user } = renderRoutes(routes, '/appointments/a1/cancel');
    expect(await screen.findByText('Cancelling now costs $75.00. The free period ended Tuesday, December 1 at 11:00 am.')).toBeVisible();
    expect(await screen.findByRole('link', { name: exact('Wednesday, December 2, 9:00 am') })).toHaveAttribute('href', '/appointments/a1/move');
    expect(screen.getByText('Moving now costs $75.00 as well.')).toBeVisible();
    await user.click(screen.getByRole('radio', { name: 'I’m ill' }));
    await user.click(screen.getByRole('button', { name: 'Cancel visit and pay $75.00' }));
    expect(await screen.findByText(/The fee has changed: cancelling now costs \$90\.00/)).toBeVisible();
    await user.click(await screen.findByRole('button', { name: 'Cancel visit and pay $90.00' }));
    await waitFor(() => expect(seen.filter((one) => one.route === 'POST appointments/a1/cancel').map((one) => one.body)).toEqual([
      { reason: 'I’m ill', acceptFeeCents: 7500 },
      { reason: 'I’m ill', acceptFeeCents: 9000 },
    ]));
  });

  it('says whom to call when it is too late', async () => {
    serve({ [path]: () => ok(visit()), 'GET appointments/a1/cancellation': () => ok({ allowed: false, feeCents: 0, reason: 'TOO_LATE' }) });
    renderRoutes(routes, '/appointments/a1/cancel');
    expect(await screen.findByText(/^It’s too late to cancel online\./)).toBeVisible();
    expect(screen.queryByRole('button', { name: /^Cancel visit/ })).toBeNull();
    expect(screen.getByRole('button', { name: 'Keep my visit' })).toBeVisible();
  });

  it('moves to another time with the fee that was shown', async () => {
    const seen = serve({ [path]: () => ok(visit()), 'GET appointments/a1/cancellation': () => ok(terms), ...times(availability()), 'POST appointments/a1/reschedule': () => ok(visit({ localStart: '09:00' })) });
    const { user } = renderRoutes(routes, '/appointments/a1/move');
    await user.click(await screen.findByRole('radio', { name: new RegExp(exact('December 2, 9:00 am')) }));
    await user.click(screen.getByRole('button', { name: 'Move and pay $75.00' }));
    await waitFor(() => expect(seen.find((one) => one.route === 'POST appointments/a1/reschedule')?.body).toEqual({ startTime: '2026-12-02T16:00:00.000Z', acceptFeeCents: 7500 }));
    expect(seen.find((one) => one.route === 'GET appointments/availability')?.query.get('except')).toBe('a1');
  });
});

describe('arriving', () => {
  it('checks in where the flag says so, and hears when the room is ready', async () => {
    let current = visit({ canCheckIn: true, canConfirm: true });
    serve({ 'GET appointments/a1': () => ok(current), 'POST appointments/a1/check-in': () => ok((current = visit({ status: 'arrived', canCancel: false, canReschedule: false, waitingRoomStatus: 'arrived' }))) });
    const { user } = renderRoutes(routes, '/appointments/a1');
    await user.click(await screen.findByRole('button', { name: 'I’m here' }));
    expect(await screen.findByText('You’re checked in. Take a seat; we’ll tell you here when the room is ready.')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'I’m here' })).toBeNull();
  });

  it('asks whether one will come when the reminder’s link is followed', async () => {
    const seen = serve({ 'GET appointments/a1': () => ok(visit({ canConfirm: true })), 'POST appointments/a1/confirm': () => ok(visit({ status: 'confirmed' })) });
    const { user } = renderRoutes(routes, '/appointments/a1?confirm=1');
    expect(await screen.findByRole('dialog', { name: 'Will you come?' })).toBeVisible();
    expect(seen.some((one) => one.route.startsWith('POST'))).toBe(false);
    await user.click(screen.getByRole('button', { name: 'Confirm my visit' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(seen.some((one) => one.route === 'POST appointments/a1/confirm')).toBe(true);
  });
});

describe('the waitlist', () => {
  const entry = { id: 'w1', serviceId: 'sv1', days: [1, 3], from: '13:00', status: 'waiting' };

  it('sends what would suit, and nothing that was left open', async () => {
    const seen = serve({ ...catalogue, 'POST waitlist': () => ok(entry, 201), 'GET waitlist': () => ok({ entries: [entry] }) });
    const { user } = renderRoutes(routes, '/appointments/waitlist/join');
    await user.click(await screen.findByRole('button', { name: 'Join the waitlist' }));
    expect(await screen.findByRole('link', { name: 'Choose what you are waiting for.' })).toBeVisible();
    await user.selectOptions(screen.getByLabelText('For what?'), 'Individual therapy');
    await user.click(screen.getByRole('checkbox', { name: 'Wednesday' }));
    await user.click(screen.getByRole('checkbox', { name: 'Monday' }));
    await user.click(screen.getByRole('button', { name: 'Join the waitlist' }));
    expect(await screen.findByText('Monday, Wednesday')).toBeVisible();
    expect(seen.find((one) => one.route === 'POST waitlist')?.body).toEqual({ serviceId: 'sv1', days: [1, 3] });
  });

  it('offers a time while it stands, and says when it does not any more', async () => {
    const offer = { slot: slot('2026-12-02', '14:30'), expiresAt: '2026-12-01T21:10:00Z' };
    let entries: unknown[] = [{ ...entry, status: 'offered', offer }];
    const seen = serve({
      ...catalogue, 'GET waitlist': () => ok({ entries }),
      'POST waitlist/w1/accept': () => {
        entries = [entry];
        return refuse(409, 'OFFER_EXPIRED');
      },
    });
    const { user } = renderRoutes(routes, '/appointments/waitlist');
    expect(await screen.findByText(/^Yours until today at 2:10\spm: 2 hours left\.$/)).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Take this time' }));
    expect(await screen.findByText(/^That offer has ended\. You stay on the waitlist/)).toBeVisible();
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Take this time' })).toBeNull());
    expect(seen.filter((one) => one.route === 'POST waitlist/w1/accept')).toHaveLength(1);
  });
});

describe('a group', () => {
  const clients = loginData().session.clients;
  const draft: GroupDraft = { people: { maya: 'sv1' }, guests: [], payerClientId: 'maya', locationId: 'l1', mode: 'parallel' };
  const members = (of: GroupDraft) => membersOf(of, clients, (n) => `Guest ${n}`);

  it('names what is missing, each at its field', () => {
    const open: GroupDraft = { people: { maya: '' }, guests: [{ firstName: '', lastName: '', serviceId: 'sv1' }], payerClientId: 'maya' };
    expect(missingIn(open, members(open)).map((one) => one.id)).toEqual(['first-0', 'service-maya', 'mode', 'place']);
    expect(missingIn(draft, members(draft)).map((one) => one.kind)).toEqual(['people']);
  });

  it('sends own people by their record and guests by their name', () => {
    const both = { ...draft, guests: [{ firstName: ' Kim ', lastName: 'Lee', serviceId: 'sv2' }] };
    expect(groupBody(both, members(both), slot('2026-12-02', '14:30'))).toEqual({
      locationId: 'l1', startTime: '2026-12-02T21:30:00.000Z', mode: 'parallel', payerClientId: 'maya',
      members: [{ clientId: 'maya', serviceId: 'sv1' }, { firstName: 'Kim', lastName: 'Lee', serviceId: 'sv2' }],
    });
    expect(totalOf(members(both), [{ id: 'sv1', priceCents: 100 }, { id: 'sv2', priceCents: 250 }] as never)).toBe(350);
  });

  it('is booked for all or for none', async () => {
    const seen = serve({ ...catalogue, ...times(availability()), 'POST group-bookings': () => refuse(409, 'SLOT_UNAVAILABLE', { nextAvailable: slot('2026-12-02', '16:00') }, 'Two people are free then, and not three.') });
    const { user } = renderRoutes(routes, '/appointments/group');
    await user.click(await screen.findByRole('checkbox', { name: 'Leo Okafor' }));
    await user.selectOptions(screen.getByLabelText('Service for Maya'), 'Individual therapy');
    await user.selectOptions(screen.getByLabelText('Service for Leo'), 'Assessment');
    await user.click(screen.getByRole('radio', { name: /One after the other/ }));
    await user.click(screen.getByRole('button', { name: 'Find a time' }));
    await user.click(await screen.findByRole('radio', { name: /9:00/ }));
    expect(screen.getByText('$450.00')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Book for 2 people' }));
    expect(await screen.findByText('Two people are free then, and not three.')).toBeVisible();
    expect((seen.find((one) => one.route === 'POST group-bookings')?.body as { mode: string }).mode).toBe('sequence');
  });
});

it('speaks of wall times without asking the browser for zones', () => {
  expect(formatter('es', 'UTC').wall('14:30')).toBe('2:30\u00a0p.\u00a0m.');
});

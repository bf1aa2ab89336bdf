import { act, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { queryClient } from '@/lib/query';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { Appointment, Location, Provider, Service } from '@/lib/types';
import { loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { renderRoutes } from '@/test/render';
import { routes } from '.';
import { newsBetween } from './news';
import { allowedStep, ANYONE, bodyOf, emptyDraft, readFieldErrors, waysFor, withOnlyChoices } from './request';

const pagination = { page: 1, limit: 20, total: 1, totalPages: 1 };
const address = { street: '214 Willow Street', city: 'Boulder', state: 'CO', zipCode: '80302' };
const visit = (over: Partial<Appointment> = {}): Appointment => ({
  id: 'a1', appointmentDate: '2999-12-05', startTime: '2999-12-05T21:30:00Z', endTime: '2999-12-05T22:20:00Z', duration: 50, appointmentType: 'Individual therapy',
  serviceLocation: 'IN_OFFICE', location: { id: 'l1', name: 'Juniper House', address }, clinician: { id: 'k1', firstName: 'Ana', lastName: 'Reyes', title: 'Dr.' }, status: 'scheduled',
  canCancel: true, canReschedule: true, canCheckIn: false, depositPaid: false, formsDue: [], timeZone: 'America/Denver', localStart: '14:30', localEnd: '15:20', display: '',
  serviceId: 'sv1', clientId: 'maya', updatedAt: '2026-11-01T00:00:00Z', ...over,
});
const wishes = { preferences: [{ date: '2999-12-05', time: '14:30' }, { date: '2999-12-06', time: '09:00' }], submittedAt: '2026-11-20T18:00:00Z' };
const nobody = { id: '', firstName: '', lastName: '', title: '' };
const service = (id: string, over: Partial<Service> = {}): Service => ({
  id, name: `Service ${id}`, category: 'Therapy', durationMinutes: 50, priceCents: 15000, currency: 'USD', depositRequired: false, bookingMode: 'request', serviceLocations: ['IN_OFFICE', 'TELEHEALTH'], ...over,
});
const provider = (id: string, lastName: string, over: Partial<Provider> = {}): Provider => ({
  id, firstName: 'Ana', lastName, title: 'Dr.', specializations: [], isAcceptingNewPatients: true, serviceIds: ['sv1'], locationIds: ['l1', 'l2'], ...over,
});
const place = (id: string, name: string): Location => ({ id, name, address, timeZone: 'America/Denver' });
const catalogue = { services: [service('sv1'), service('sv2', { serviceLocations: ['IN_OFFICE'] }), service('sv3', { bookingMode: 'view' })], providers: [provider('k1', 'Reyes'), provider('k2', 'Stone')], locations: [place('l1', 'Juniper House')] };
const catalogueRoutes: Routes = {
  'GET services': () => ok({ services: catalogue.services }),
  'GET providers': () => ok({ providers: catalogue.providers }),
  'GET locations': () => ok({ locations: catalogue.locations }),
  // A clinic that has entered no hours: times are asked for freely.
  'GET appointments/availability': () => ok({ serviceId: 'sv1', durationMinutes: 50, timeZone: 'America/Denver', days: [], bookingMode: 'request', enforced: false }),
};

/** "9:00 am" as the page writes it: the two never part at the end of a line. */
const exact = (name: string) => name.replace(/ (am|pm)/g, '\u00a0$1');

beforeEach(() => {
  signIn(loginData());
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('a request', () => {
  const cat = { ...catalogue, locations: [place('l1', 'Downtown'), place('l2', 'North')] };

  it('skips what leaves no choice', () => {
    const only = { services: [service('sv1', { serviceLocations: ['IN_OFFICE'] })], providers: [provider('k1', 'Reyes')], locations: [place('l1', 'Downtown')] };
    const draft = withOnlyChoices({ ...emptyDraft, serviceId: 'sv1' }, only.services[0] as Service, only);
    expect(draft).toMatchObject({ who: 'k1', way: 'IN_OFFICE l1' });
    expect(withOnlyChoices({ ...emptyDraft, serviceId: 'sv2' }, cat.services[1] as Service, cat).who).toBe(ANYONE);
  });

  it('offers each place of the clinic where the clinician works', () => {
    expect(waysFor(cat.services[0] as Service, cat, 'k1').map((one) => one.key)).toEqual(['IN_OFFICE l1', 'IN_OFFICE l2', 'TELEHEALTH']);
    const here = { ...cat, providers: [provider('k1', 'Reyes', { locationIds: ['l2'] })] };
    expect(waysFor(here.services[0] as Service, here, 'k1').map((one) => one.key)).toEqual(['IN_OFFICE l2', 'TELEHEALTH']);
  });

  it('lets nobody past a step that is not done', () => {
    expect(allowedStep('review', emptyDraft)).toBe('service');
    expect(allowedStep('nonsense', emptyDraft)).toBe('service');
    expect(allowedStep('review', { ...emptyDraft, serviceId: 's', who: 'k', way: 'w', times: [{ date: '2999-01-01', time: '09:00' }] })).toBe('reason');
  });

  it('sends names of the request, and nobody for anyone', () => {
    const [way] = waysFor(cat.services[0] as Service, cat, ANYONE);
    const draft = { serviceId: 'sv1', who: ANYONE, way: way?.key, times: [{ date: '2999-12-05', time: '14:30' }], reason: ' Sleep ', note: ' ' };
    expect(bodyOf(draft, way)).toEqual({ appointmentType: 'sv1', serviceLocation: 'IN_OFFICE', locationId: 'l1', preferredDate1: '2999-12-05', preferredTime1: '14:30', reasonForVisit: 'Sleep' });
  });

  it('finds the step of what the server refused', () => {
    const problem = (message: string) => ({ code: 'x', message });
    expect(readFieldErrors({ preferredTime2: problem('late'), reasonForVisit: problem('long') })).toEqual({ errors: { 'time-1': 'late', reason: 'long' }, step: 'times' });
    expect(readFieldErrors({ else: problem('?') })).toEqual({ errors: {}, step: undefined });
  });
});

describe('asking for a visit', () => {
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: true, now: new Date('2026-12-01T19:10:00Z'), toFake: ['Date'] });
    signIn(loginData());
  });

  async function untilReview(more: Routes = {}) {
    const seen = serve({ ...catalogueRoutes, 'POST appointments/request': () => ok({ requestId: 'a9', status: 'PENDING', submittedAt: '2026-12-01T19:10:00Z' }, 201), ...more });
    const view = renderRoutes(routes, '/appointments/request');
    const { user } = view;
    const press = async (name: string) => user.click(await screen.findByRole('button', { name: exact(name) }));
    await user.click(await screen.findByRole('radio', { name: /Service sv1/ }));
    expect(screen.getByRole('heading', { name: 'What do you need?' })).toBeVisible();
    await press('Continue');
    await user.click(await screen.findByRole('radio', { name: /Dr. Ana Stone/ }));
    await user.click(screen.getByRole('radio', { name: /Video/ }));
    await press('Continue');
    await screen.findByRole('heading', { name: 'Your choices' });
    await press('Wednesday, December 2');
    await press('Wednesday, December 2, 9:00 am');
    await press('Thursday, December 3');
    await press('Thursday, December 3, 2:30 pm');
    await press('Move Thursday, December 3, 2:30 pm up');
    await press('Continue');
    await user.type(await screen.findByLabelText('Reason for the visit'), 'Trouble sleeping');
    await press('Continue');
    await screen.findByRole('heading', { name: 'Check your request' });
    return { ...view, seen, press };
  }

  it('goes from service to confirmation, and says that the times are not held', async () => {
    const { seen, press } = await untilReview();
    expect(screen.getByText(/Nothing is booked yet when you send this\./)).toBeVisible();
    await press('Send request');
    expect(await screen.findByRole('heading', { name: 'Request sent' })).toBeVisible();
    expect(screen.getByText(/This does not hold the times\./)).toBeVisible();
    expect(screen.getByRole('link', { name: 'See your request' })).toHaveAttribute('href', '/appointments/a9');
    const request = seen.find((one) => one.route === 'POST appointments/request');
    expect(request?.body).toEqual({
      clinicianId: 'k2', appointmentType: 'sv1', serviceLocation: 'TELEHEALTH', reasonForVisit: 'Trouble sleeping',
      preferredDate1: '2026-12-03', preferredTime1: '14:30', preferredDate2: '2026-12-02', preferredTime2: '09:00',
    });
    expect(request?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
    expect(seen.every((one) => !String(one.query).includes('sleep'))).toBe(true);
  });

  it('shows what the server refused at its field, and loses nothing', async () => {
    const { press } = await untilReview({
      'POST appointments/request': () => refuse(400, 'PAST', { fields: { preferredTime2: { code: 'past', message: 'This time has passed.' } } }),
    });
    await press('Send request');
    expect(await screen.findByRole('link', { name: exact('Wednesday, December 2, 9:00 am: This time has passed.') })).toBeVisible();
    expect(screen.getByRole('heading', { name: 'When would suit you?' })).toBeVisible();
    await press('Remove Wednesday, December 2, 9:00 am');
    expect(screen.queryByText(/This time has passed/)).toBeNull();
    await press('Continue');
    expect(await screen.findByLabelText('Reason for the visit')).toHaveValue('Trouble sleeping');
  });

  it('says when there were too many requests, without losing the page', async () => {
    const { press } = await untilReview({ 'POST appointments/request': () => refuse(429, undefined, { retryAfter: 600 }) });
    await press('Send request');
    expect(await screen.findByRole('alert')).toHaveTextContent('That was a lot of tries in a short time. Try again in 10 minutes.');
  });

  it('does not offer what has passed, in the clinic’s zone, nor a fourth choice', async () => {
    serve(catalogueRoutes);
    const { user } = renderRoutes(routes, '/appointments/request?service=sv2');
    // 12:10 in Boulder.
    expect(await screen.findByRole('button', { name: exact('Tuesday, December 1, 12:30 pm') })).toBeVisible();
    expect(screen.queryByRole('button', { name: exact('Tuesday, December 1, 12:00 pm') })).toBeNull();
    expect(screen.getByRole('button', { name: 'Monday, November 30, not available' })).toBeDisabled();
    for (const time of ['1:00 pm', '2:00 pm', '3:00 pm', '4:00 pm']) await user.click(screen.getByRole('button', { name: exact(`Tuesday, December 1, ${time}`) }));
    expect(screen.getAllByRole('button', { name: /^Remove / })).toHaveLength(3);
    expect(screen.getByRole('button', { name: exact('Tuesday, December 1, 4:00 pm') })).toHaveAttribute('aria-pressed', 'false');
  });

  it('asks for a choice instead of greying the button out', async () => {
    serve(catalogueRoutes);
    const { user } = renderRoutes(routes, '/appointments/request');
    await user.click(await screen.findByRole('button', { name: 'Continue' }));
    expect(await screen.findByRole('link', { name: 'Choose a service.' })).toBeVisible();
    expect(screen.queryByRole('radio', { name: /sv3/ })).toBeNull();
  });
});

describe('the list', () => {
  it('says what is next and what waits', async () => {
    serve({ 'GET waitlist': () => ok({ entries: [] }), 'GET appointments': () => ok({ appointments: [visit({ status: 'confirmed' }), visit({ id: 'a2', status: 'requested', clinician: nobody, requested: wishes })], pagination }) });
    renderRoutes(routes, '/appointments');
    expect(await screen.findByText(/^Your next visit is Thursday, December 5, 2999, 2:30 to 3:20\spm\. 1 request is waiting for the clinic\.$/)).toBeVisible();
    expect(await screen.findByText('Confirmed')).toBeVisible();
    expect(screen.getByText('Waiting for the clinic')).toBeVisible();
    expect(screen.getByText('or 1 other time')).toBeVisible();
  });

  it('asks the server for what a tab shows', async () => {
    const seen = serve({ 'GET waitlist': () => ok({ entries: [] }), 'GET appointments': () => ok({ appointments: [], pagination: { ...pagination, total: 0 } }) });
    const { user } = renderRoutes(routes, '/appointments?tab=past');
    expect(await screen.findByText('Your visits will be kept here.')).toBeVisible();
    await user.click(screen.getByRole('link', { name: 'Upcoming' }));
    expect(await screen.findByText('You have no visits planned.')).toBeVisible();
    expect(seen.filter((one) => one.route === 'GET appointments').map((one) => one.query.get('status'))).toEqual(['past', 'upcoming']);
  });
});

describe('one visit', () => {
  it('changes by itself when the clinic decides, and says so politely', async () => {
    let current = visit({ status: 'requested', clinician: nobody, requested: wishes });
    serve({ 'GET appointments/a1': () => ok(current) });
    renderRoutes(routes, '/appointments/a1');
    expect(await screen.findByRole('heading', { level: 1, name: 'Your request' })).toBeVisible();
    const region = screen.getAllByRole('status')[0]!;
    expect(region).toBeEmptyDOMElement();

    current = visit({ status: 'confirmed' });
    await act(() => queryClient.invalidateQueries({ queryKey: ['appointments'] }));
    await waitFor(() => expect(region).toHaveTextContent(/^The clinic confirmed your visit: Thursday, December 5, 2999, 2:30 to 3:20\spm\.$/));
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Thursday, December 5, 2999');
    expect(screen.getByRole('button', { name: 'Add to calendar' })).toBeVisible();
  });

  it('passes on what the clinic wrote, and offers another try', async () => {
    serve({ 'GET appointments/a1': () => ok(visit({ status: 'declined', requested: { ...wishes, declineReason: 'Afternoons are full.' } })) });
    renderRoutes(routes, '/appointments/a1');
    expect(await screen.findByText('Afternoons are full.', { exact: false })).toBeVisible();
    expect(screen.getByRole('link', { name: 'Request other times' })).toHaveAttribute('href', '/appointments/book?service=sv1');
    expect(screen.queryByRole('button', { name: 'Add to calendar' })).toBeNull();
  });

  it('opens no address that is not a web page', async () => {
    serve({ 'GET appointments/a1': () => ok(visit({ status: 'confirmed', serviceLocation: 'TELEHEALTH', location: undefined, telehealthLink: 'javascript:alert(1)' })) });
    renderRoutes(routes, '/appointments/a1');
    expect(await screen.findByRole('button', { name: 'Add to calendar' })).toBeVisible();
    expect(screen.queryByRole('link', { name: 'Join the video visit' })).toBeNull();
  });

  it('says what changing costs and how to do it', async () => {
    serve({ 'GET appointments/a1': () => ok(visit({ status: 'confirmed', canCancel: false, canReschedule: false, cancellationDeadline: '2999-12-04T21:30:00Z', cancellationDeadlineDisplay: 'Wednesday, December 4 at 2:30 pm', feeAfterDeadlineCents: 7500 })) });
    renderRoutes(routes, '/appointments/a1');
    const sentence = await screen.findByText(/After that the fee is \$75\.00\./);
    expect(within(sentence).getByRole('link', { name: '(303) 555-0142' })).toHaveAttribute('href', 'tel:3035550142');
  });

  it('says that somebody else’s visit is not there', async () => {
    serve({ 'GET appointments/a1': () => refuse(404, 'NOT_FOUND') });
    renderRoutes(routes, '/appointments/a1');
    expect(await screen.findByText('We can’t find that page, or it isn’t shared with you.')).toBeVisible();
  });
});

describe('news', () => {
  it('is the latest of several, and nothing when nothing changed', () => {
    const before = [visit({ id: 'x', status: 'requested' }), visit({ id: 'y' })];
    const after = [visit({ id: 'x', status: 'declined', updatedAt: '2026-11-02T00:00:00Z' }), visit({ id: 'y', startTime: '2999-12-06T21:30:00Z', updatedAt: '2026-11-03T00:00:00Z' })];
    expect(newsBetween(before, before)).toBeUndefined();
    expect(newsBetween(before, after)).toMatchObject({ kind: 'liveChanged', visit: { id: 'y' } });
    expect(newsBetween([], after)).toBeUndefined();
  });
});

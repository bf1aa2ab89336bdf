// A visit's life as clients live it: a free time found, booked, moved, given back late, arrived at; a time from the waitlist; a calendar that is read.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, look, openClinic, person, shot, signIn, speak } from './clinic.mjs';

let clinic;
let maya;
let daniel;

before(async () => {
  clinic = await openClinic();
  maya = await person(clinic);
  daniel = await person(clinic, { width: 390, height: 844 });
  await signIn(maya.page, clinic, clinic.demo.clients[0]);
  await signIn(daniel.page, clinic, clinic.demo.clients[1]);
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ maya, daniel })) await shot(p.page, `failed-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

const service = 'Guided relaxation'; // booked at once; both clinicians give it
const times = page => page.getByRole('radiogroup', { name: 'Free times' });
const nextFree = page => times(page).getByRole('radio').first();

/** What the portal answers this person, whichever page they are on. */
function ask({ page }, path, method = 'GET', body) {
  return page.evaluate(
    async ([path, method, body]) => {
      const { token } = JSON.parse(localStorage.getItem('anteroom.auth') ?? '{}');
      const answer = await fetch(`/api/v1/portal/${path}`, { method, headers: { Authorization: token, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return { status: answer.status, ...(await answer.json()) };
    },
    [path, method, body],
  );
}

/** The time passes, everybody's session ends by it, and both come back. */
async function later(seconds) {
  await clinic.advance(Math.round(seconds));
  for (const [who, login] of [[maya, clinic.demo.clients[0]], [daniel, clinic.demo.clients[1]]]) {
    await who.page.goto(clinic.url + '/signed-out');
    await who.page.evaluate(() => localStorage.clear());
    await signIn(who.page, clinic, login);
  }
}
/** Milliseconds since 1970 by the clinic's clock. */
const now = async () => Date.parse((await fetch(clinic.url + '/api/v1/portal/config')).headers.get('date'));

/**
 * Opens an address. A token lives an hour by the machine's clock: once the clinic's has moved, the page renews it with each
 * question, and whoever leaves in the middle of a renewal has lost the new one. So it is waited for.
 */
async function go(page, address) {
  const quiet = 600;
  if (!renewals.has(page)) {
    const seen = { open: 0, last: 0 };
    const ended = request => {
      if (!request.url().includes('auth/refresh-token')) return;
      seen.open -= 1;
      seen.last = Date.now();
    };
    page.on('request', request => {
      if (request.url().includes('auth/refresh-token')) seen.open += 1;
    });
    page.on('requestfinished', ended);
    page.on('requestfailed', ended);
    renewals.set(page, seen);
  }
  const seen = renewals.get(page);
  await page.waitForTimeout(quiet); // until what the page has just asked for is under way
  while (seen.open > 0 || Date.now() - seen.last < quiet) await page.waitForTimeout(100);
  await page.goto(address);
}
const renewals = new WeakMap();

/** From the service to its free times, with anyone or with somebody. */
async function findTime(page, who = /Anyone who is free/) {
  await go(page, clinic.url + '/appointments'); // a step of an earlier booking is kept in the history of its own address
  await go(page, clinic.url + '/appointments/book');
  await page.getByRole('radio', { name: new RegExp(service) }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Who and how?' }).waitFor();
  await page.getByRole('radio', { name: who }).check();
  const place = page.getByRole('radio', { name: /In person/ });
  if (await place.count()) await place.first().check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await times(page).waitFor();
}
const book = page => page.getByRole('button', { name: 'Book this time' }).click();
async function seeVisit(page) {
  await page.getByRole('heading', { name: 'You’re booked' }).waitFor();
  await page.getByRole('link', { name: 'See the visit' }).click();
  await page.waitForURL(/\/appointments\/\w{15}$/);
  return page.url();
}
const visitAt = async (who, url) => (await ask(who, `appointments/${url.split('/').at(-1)}`)).data;

let booked; // the address of Maya's visit

test('a client finds a free time, sees what it means, and books it', async () => {
  const { page } = maya;
  await findTime(page);
  await look(maya, 'book-times');
  await nextFree(page).focus();
  await page.keyboard.press('ArrowRight'); // arrows choose, and nothing is booked by that
  assert.equal(await page.getByRole('radio', { checked: true }).count(), 1);
  await page.getByRole('button', { name: 'Show month' }).click();
  await page.getByRole('grid').waitFor();
  await accessible(page, 'the month');
  await page.getByRole('button', { name: 'Hide month' }).click();
  await times(page).getByRole('radio').last().click();
  await page.getByText(/^Free to change or cancel until \w+, \w+ \d+ at \d+:\d\d [ap]m\. After that the fee is \$75\.00\./).first().waitFor();
  await page.getByLabel(/^Anything we should know/).fill('I come by bus.');
  await look(maya, 'book-chosen');
  await book(page);
  await page.getByRole('heading', { name: 'You’re booked' }).waitFor();
  await page.getByText(/^Free to change or cancel until .* After that the fee is \$75\.00\./).first().waitFor();
  await look(maya, 'booked');
  booked = await seeVisit(page);
  await page.getByRole('link', { name: 'Change time' }).waitFor();
  await page.getByText('I come by bus.').waitFor();
  await page.getByText(/^Free to change or cancel until .* After that the fee is \$75\.00\./).first().waitFor();
  await look(maya, 'visit');
  await page.getByText('History of this visit').click();
  await page.getByText('Booked', { exact: true }).waitFor();
  assert.equal((await visitAt(maya, booked)).cancellationDeadlineDisplay.includes(' at '), true);
});

test('somebody is faster: she stays, is told the next time, and takes it', async () => {
  const { page } = maya;
  await findTime(page, /Ana|Reyes|Dr\./);
  await nextFree(page).click();
  const shown = await page.getByRole('radio', { checked: true }).getAttribute('aria-label');
  const { data: services } = await ask(daniel, 'services');
  const { id } = services.services.find(one => one.name === service);
  const clinician = (await ask(daniel, 'providers')).data.providers.find(one => /Ana|Reyes/.test(one.firstName + one.lastName)) ?? {};
  const { data: free } = await ask(daniel, `appointments/availability?serviceId=${id}&clinicianId=${clinician.id}&serviceLocation=IN_OFFICE`);
  const { startTime, locationId } = free.nextAvailable;
  const his = await ask(daniel, 'appointments', 'POST', { serviceId: id, practitionerId: clinician.id, locationId, startTime, serviceLocation: 'IN_OFFICE' });
  assert.equal(his.status, 201, JSON.stringify(his));
  const refused = page.waitForResponse(r => r.request().method() === 'POST' && r.url().endsWith('/portal/appointments'));
  await book(page);
  assert.equal((await refused).status(), 409, shown);
  await page.getByText(/^That time was just taken\. The next one is /).waitFor();
  assert.equal(await page.getByRole('radio', { name: shown, exact: true }).count(), 0, 'the time that is gone is still offered');
  await look(maya, 'book-taken');
  await page.getByRole('button', { name: /^Choose \d/ }).click();
  await book(page);
  await seeVisit(page);
});

test('she moves it, and the list and the week show where it went', async () => {
  const { page } = maya;
  await go(page, booked);
  const before = await visitAt(maya, booked);
  await page.getByRole('link', { name: 'Change time' }).click();
  await times(page).waitFor();
  await times(page).getByRole('radio').nth(25).click(); // past the day of the others
  await look(maya, 'move');
  await page.getByRole('button', { name: 'Move to this time' }).click();
  await page.waitForURL(booked);
  await page.getByText('Your visit was moved.').first().waitFor();
  assert.notEqual((await visitAt(maya, booked)).startTime, before.startTime);
  await page.getByText('History of this visit').click();
  await page.getByText(/from \w+, \w+ \d+, \d+:\d\d [ap]m to \w+, \w+ \d+, \d+:\d\d [ap]m/).waitFor();
  await go(page, clinic.url + '/appointments');
  await look(maya, 'visits');
  await page.getByRole('button', { name: 'Week', exact: true }).click();
  await page.getByRole('heading', { name: /^Week of/ }).waitFor();
  await look(maya, 'visits-week');
  await page.reload();
  await page.getByRole('heading', { name: /^Week of/ }).waitFor(); // remembered on this device
  await page.getByRole('button', { name: 'List', exact: true }).click();
});

test('giving it back late costs what the button says', async () => {
  const { page } = maya;
  const visit = await visitAt(maya, booked);
  await later((Date.parse(visit.startTime) - (await now())) / 1000 - 3 * 3600); // three hours before it
  await go(page, booked);
  await page.getByText(/^The free period ended .* Cancelling now costs \$75\.00\./).first().waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/^Cancelling now costs \$75\.00\. The free period ended \w+, \w+ \d+ at /).waitFor();
  await look(maya, 'cancel-late');
  await dialog.getByRole('radio', { name: /I’m ill/ }).check();
  await dialog.getByRole('button', { name: 'Cancel visit and pay $75.00' }).click();
  await page.getByText('Cancelled', { exact: true }).first().waitFor();
  await go(page, clinic.url + '/payments');
  await page.getByText(`$75.00, Late change: ${service}`).waitFor();
});

test('her calendar reads the private address until she revokes it', async () => {
  const { page } = maya;
  await go(page, clinic.url + '/settings/calendar');
  await page.getByRole('button', { name: 'Make an address' }).click();
  const url = await page.getByLabel('Calendar address').inputValue();
  await look(maya, 'calendar');
  const read = () => fetch(url.replace(/^https?:\/\/[^/]+/, clinic.url));
  const answer = await read();
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /BEGIN:VCALENDAR/);
  await page.getByRole('button', { name: /^Revoke the address/ }).click();
  await page.getByRole('button', { name: 'Revoke the address', exact: true }).click();
  await page.getByText('No address is in use.').waitFor();
  assert.equal((await read()).status, 404);
});

test('by which way she hears of what is kept, and quiet hours end again', async () => {
  const { page } = maya;
  const saved = async () => {
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    return (await ask(maya, 'notifications/preferences')).data;
  };
  await go(page, clinic.url + '/settings/calendar');
  const mails = page.getByRole('checkbox', { name: 'Cancelled visits: Email' });
  await mails.uncheck();
  await page.getByLabel('Keep quiet hours').check();
  let kept = await saved();
  assert.equal(kept.byType.appointment_cancelled.email, false);
  assert.equal(kept.quietHours.from, '21:00');
  await page.reload();
  assert.equal(await mails.isChecked(), false);
  await page.getByLabel('Keep quiet hours').uncheck();
  await mails.check();
  kept = await saved();
  assert.equal(kept.byType.appointment_cancelled.email, true);
  assert.equal(kept.quietHours, undefined);
});

test('a time that one gives back is offered to who waits for it', async () => {
  const { page } = daniel;
  await go(page, clinic.url + '/appointments/waitlist/join');
  await page.getByLabel('For what?').selectOption({ label: service });
  await look(daniel, 'waitlist-join');
  await page.getByRole('button', { name: 'Join the waitlist' }).click();
  await page.getByRole('heading', { name: 'What you wait for' }).waitFor();
  await look(daniel, 'waitlist');
  await findTime(maya.page);
  await times(maya.page).getByRole('radio').last().click();
  await book(maya.page);
  await seeVisit(maya.page);
  await maya.page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await maya.page.getByRole('dialog').getByRole('button', { name: 'Cancel visit', exact: true }).click();
  await page.getByRole('button', { name: 'Take this time' }).waitFor(); // nobody reloaded anything
  await look(daniel, 'waitlist-offer');
  const mail = await clinic.mail(clinic.demo.clients[1].email, m => m.text.includes('/appointments/waitlist'));
  await go(page, clinic.url + '/dashboard');
  await go(page, clinic.url + new URL(/https?:\S+\/appointments\/waitlist/.exec(mail.text)[0]).pathname);
  await page.getByRole('button', { name: 'Take this time' }).click();
  await page.waitForURL(/\/appointments\/\w{15}$/);
});

test('two people are booked together, and given back together', async () => {
  const { page } = maya;
  await go(page, clinic.url + '/appointments/group');
  await page.getByLabel(/^Service for/).first().selectOption({ label: service });
  await page.getByRole('button', { name: 'Add a guest' }).click();
  await page.getByLabel('First name').fill('Kim');
  await page.getByLabel('Last name').fill('Lee');
  await page.getByLabel('Service for Kim').selectOption({ label: service });
  await page.getByRole('radio', { name: /One after the other/ }).check();
  const place = page.getByRole('group', { name: 'Where?' });
  if (await place.count()) await place.getByRole('radio').first().check();
  await look(maya, 'group-people');
  await page.getByRole('button', { name: 'Find a time' }).click();
  await times(page).waitFor();
  await times(page).getByRole('radio').nth(40).click();
  await look(maya, 'group-time');
  await page.getByRole('button', { name: 'Book for 2 people' }).click();
  await page.getByRole('heading', { name: 'You’re all booked' }).waitFor();
  await page.getByRole('link', { name: 'See the booking' }).click();
  await page.getByText('Kim Lee').waitFor();
  await look(maya, 'group');
  await page.getByRole('button', { name: 'Cancel for everybody' }).click();
  await page.getByRole('button', { name: 'Cancel all visits' }).waitFor();
  await look(maya, 'group-cancel');
  await page.getByRole('button', { name: 'Cancel all visits' }).click();
  await page.getByText('This booking was cancelled.').waitFor();
});

test('the mail that reminds him leads to the question whether he comes', { timeout: 150_000 }, async () => {
  const { page } = daniel;
  await findTime(page);
  await times(page).getByRole('radio').nth(50).click(); // days ahead
  await book(page);
  const at = await seeVisit(page);
  const visit = await visitAt(daniel, at);
  await later((Date.parse(visit.startTime) - (await now())) / 1000 - 23 * 3600);
  const id = visit.id;
  const find = () => clinic.mail(clinic.demo.clients[1].email, m => m.text.includes(`/appointments/${id}?confirm=1`));
  let mail;
  for (const until = Date.now() + 80_000; !mail; ) {
    // reminders go out at each full minute
    mail = await find().catch(e => {
      if (Date.now() > until) throw e;
    });
  }
  const link = new URL(new RegExp(`https?:\\S+/appointments/${id}\\?confirm=1`).exec(mail.text)[0]);
  await go(page, clinic.url + link.pathname + link.search);
  await page.getByRole('button', { name: 'Confirm my visit' }).waitFor();
  await look(daniel, 'confirm');
  await page.getByRole('button', { name: 'Confirm my visit' }).click();
  await page.getByText('Your visit is confirmed.').first().waitFor();
  assert.equal((await visitAt(daniel, at)).status, 'confirmed');
});

test('in Spanish it says the same', async () => {
  const { page } = maya;
  await go(page, clinic.url + '/appointments');
  await speak(page, 'es');
  await page.getByRole('link', { name: 'Reservar una cita' }).first().click();
  await page.getByRole('radio', { name: new RegExp(service) }).check();
  await page.getByRole('button', { name: 'Continuar' }).click();
  await page.getByRole('radio', { name: /Quien esté disponible/ }).check();
  const place = page.getByRole('radio', { name: /En persona|consultorio/ });
  if (await place.count()) await place.first().check();
  await page.getByRole('button', { name: 'Continuar' }).click();
  const free = page.getByRole('radiogroup', { name: 'Horas libres' });
  await free.waitFor();
  await free.getByRole('radio').last().click();
  await page.getByText(/^Puede cambiar o cancelar sin costo hasta el \S+ \d+ de \S+( de \d+)? a las? \d+:\d\d [ap]\. m\. Después, el cargo es de \S*75\S*\.$/).waitFor();
  await page.getByRole('button', { name: 'Reservar esta hora' }).click();
  await page.getByRole('heading', { name: 'Su cita está reservada' }).waitFor();
  await fits(page, 'booked, in Spanish');
  await shot(page, 'id-booked-es');
  await speak(page, 'en');
});

test('on the day she says that she is here, and hears that the room is ready', async () => {
  const { page } = maya;
  await findTime(page);
  await nextFree(page).click();
  await book(page);
  const at = await seeVisit(page);
  const visit = await visitAt(maya, at);
  const left = (Date.parse(visit.startTime) - (await now())) / 1000 - 600;
  if (left > 0) await later(left);
  await go(page, at);
  await page.getByRole('button', { name: 'I’m here' }).click();
  await page.getByText('You’re checked in.', { exact: false }).first().waitFor();
  await look(maya, 'checked-in');
  const desk = await clinic.desk('front_desk');
  await desk(`appointments/${visit.id}/room-ready`, {});
  await page.getByText('Your room is ready. Please come in.').first().waitFor(); // nobody reloaded anything
  await look(maya, 'room-ready');
  assert.deepEqual(maya.complaints, []);
  assert.deepEqual(daniel.complaints, []);
});

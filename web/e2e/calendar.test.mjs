// The clinic's calendar in the dashboard: what is dragged, typed and pressed there, and what the client hears of it.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, openClinic, person, shot, signIn, staffSignIn } from './clinic.mjs';

let clinic;
let sam; // at the front desk
let ana; // a clinician
let maya; // a client
let desk; // what the front desk may ask by itself
let service;
let place;
const DAY = 86_400_000;
const login = role => clinic.demo.staff.find(s => s.role === role);
const people = {};

/** A Wednesday some weeks hence, when nobody in the demo is booked yet. */
const wednesday = (() => {
  const d = new Date(Date.now() + 21 * DAY);
  return new Date(d.getTime() + ((3 - d.getUTCDay() + 7) % 7) * DAY).toISOString().slice(0, 10);
})();

async function records(role, path, options = {}) {
  const { email, password } = login(role);
  const json = { 'Content-Type': 'application/json' };
  const { token } = await fetch(`${clinic.url}/api/collections/staff/auth-with-password`, { method: 'POST', headers: json, body: JSON.stringify({ identity: email, password }) }).then(r => r.json());
  const answer = await fetch(`${clinic.url}/api/collections/${path}`, { ...options, headers: { ...json, Authorization: token } });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

before(async () => {
  clinic = await openClinic();
  desk = await clinic.desk('front_desk');
  people.ana = login('clinician').clinicianId;
  const all = await records('front_desk', 'clinicians/records?filter=(is_active=true)&sort=last_name');
  people.ben = all.items.find(c => c.id !== people.ana).id;
  place = (await records('front_desk', 'locations/records')).items[0].id;
  service = (await records('front_desk', 'services/records')).items.find(s => s.duration === 50 && s.service_locations.includes('in_office')).id;
  for (const clinician of [people.ana, people.ben]) {
    await records('admin', 'shifts/records', { method: 'POST', body: JSON.stringify({ clinician, location: place, first_day: wednesday, rrule: 'FREQ=WEEKLY;BYDAY=WE,TH', starts_at: '08:00', ends_at: '17:00', is_active: true }) });
  }
  sam = await person(clinic);
  ana = await person(clinic, { dark: true });
  maya = await person(clinic);
  await staffSignIn(sam.page, clinic, login('front_desk'));
  await staffSignIn(ana.page, clinic, login('clinician'));
  await signIn(maya.page, clinic, clinic.demo.clients[0]);
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ sam, ana, maya })) await shot(p.page, `failed-calendar-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

const book = async (client, clinician, time) => {
  const { appointment } = await desk('appointments', { clientId: client.clientId, serviceId: service, practitionerId: clinician, locationId: place, startTime: `${wednesday}T${time}`, serviceLocation: 'IN_OFFICE' });
  return appointment;
};
/** What the portal says to a client. */
async function portal(page, path, method = 'GET', body) {
  const answer = await page.evaluate(
    async ([path, method, body]) => {
      const { token } = JSON.parse(localStorage.getItem('anteroom.auth') ?? '{}');
      const answer = await fetch(`/api/v1/portal/${path}`, { method, headers: { Authorization: token, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return answer.json();
    },
    [path, method, body],
  );
  assert.ok(answer.success, JSON.stringify(answer));
  return answer.data;
}

/** The times that Ana could be asked for on the Wednesday, as a client sees them. */
const free = async page => {
  const { days } = await portal(page, `appointments/availability?serviceId=${service}&clinicianId=${people.ana}&serviceLocation=IN_OFFICE&from=${wednesday}&to=${wednesday}`);
  return days[0].slots.map(s => s.localTime);
};
const denver = ms => new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/Denver', dateStyle: 'short', timeStyle: 'short' }).format(ms).split(' ');
const clock = async () => Date.parse((await fetch(clinic.url + '/readyz')).headers.get('date'));

const block = (page, id) => page.locator(`.cal-column [data-visit="${id}"]`);
const nameOf = c => `${c.firstName} ${c.lastName}`;

async function openCalendar(page, day = wednesday) {
  await page.goto(clinic.url + '/_/#/calendar');
  await page.getByRole('heading', { name: /Calendar/ }).waitFor();
  await page.getByLabel('Day', { exact: true }).fill(day);
  await page.getByLabel('Day', { exact: true }).dispatchEvent('change');
}

/** Drags a block by so many minutes, and to the middle of another column. */
async function drag(page, id, minutes, column) {
  const visit = block(page, id);
  await visit.scrollIntoViewIfNeeded();
  const box = await visit.boundingBox();
  const to = column ? await page.locator(`[data-column="${column}"]`).boundingBox() : box;
  await page.mouse.move(box.x + 30, box.y + 8);
  await page.mouse.down();
  await page.mouse.move(box.x + 34, box.y + 20, { steps: 3 });
  await page.mouse.move(to.x + 40, box.y + 8 + minutes * 1.1, { steps: 5 });
}

let visit;
let other;
const client = () => clinic.demo.clients[0];
const second = () => clinic.demo.clients[1];

test('the front desk drags a visit to another time, and the client hears of it', async () => {
  const { page } = sam;
  visit = await book(client(), people.ana, '10:00');
  other = await book(second(), people.ana, '13:00');
  await openCalendar(page);
  await block(page, visit.id).waitFor();
  await shot(page, 'calendar-1280-light');
  await accessible(page, 'the calendar');
  await fits(page, 'the calendar');
  await drag(page, visit.id, 60);
  await page.locator('.cal-ghost').getByText('11:00 am to 11:50 am').waitFor();
  await page.keyboard.press('Escape'); // and nothing has happened
  await page.mouse.up();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await drag(page, visit.id, 60);
  await shot(page, 'calendar-dragging');
  await page.mouse.up();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: new RegExp(`^Move ${nameOf(client())}'s visit to Wednesday, .*, 11:00 am\\?$`) }).waitFor();
  await dialog.getByText('The client gets an email.').waitFor();
  await accessible(page, 'the question before a move');
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.waitFor({ state: 'detached' });
  await block(page, visit.id).getByText('11:00 am to 11:50 am').waitFor();
  const mail = await clinic.mail(client().email, m => /11:00/.test(m.text));
  assert.match(mail.text, /11:00 to 11:50 am/);
});

test('a time that is taken is refused in words, and nothing moves', async () => {
  const { page } = sam;
  await drag(page, visit.id, 120);
  await page.mouse.up();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.getByRole('alert').waitFor();
  assert.match(await dialog.getByRole('alert').textContent(), /taken|free|booked/i);
  await shot(page, 'calendar-refused');
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await block(page, visit.id).getByText('11:00 am to 11:50 am').waitFor();
});

test('a visit is dragged to a colleague, and made longer', async () => {
  const { page } = sam;
  await drag(page, visit.id, 0, people.ben);
  await page.mouse.up();
  await page.getByRole('dialog').getByRole('button', { name: 'Move the visit' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.locator(`[data-column="${people.ben}"] [data-visit="${visit.id}"]`).waitFor();
  const box = await block(page, visit.id).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height - 3);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 75 * 1.1, { steps: 6 });
  await page.mouse.up();
  await page.getByRole('dialog', { name: new RegExp('75 minutes long') }).getByRole('button', { name: 'Change the length' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await block(page, visit.id).getByText('11:00 am to 12:15 pm').waitFor();
});

test('the keyboard moves from visit to visit, and moves a visit; outside the hours asks once more', async () => {
  const { page } = sam;
  await block(page, other.id).focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.visit), visit.id);
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.visit), other.id);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: nameOf(second()) }).getByText('History').waitFor();
  await accessible(page, 'the panel of a visit');
  await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: /^Move / });
  await dialog.getByLabel('Time').fill('19:00');
  await shot(page, 'calendar-move-form');
  await accessible(page, 'the form that moves a visit');
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.getByLabel('Book outside working hours anyway').check({ force: true });
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.waitFor({ state: 'detached' });
  await block(page, other.id).getByText('7:00 pm to 7:50 pm').waitFor();
  await page.waitForFunction(id => document.activeElement.dataset?.visit === id, other.id); // the focus is where it was
});

test('a time is blocked, and nobody can be booked then', async () => {
  const { page } = sam;
  assert.ok((await free(maya.page)).includes('09:00'));
  const column = page.locator(`[data-column="${people.ana}"]`);
  const first = await column.locator('.cal-working').first().boundingBox();
  await page.mouse.click(first.x + 60, first.y + 68); // nine o'clock
  await page.getByRole('dialog', { name: /9:00 am/ }).getByRole('button', { name: 'Block this time' }).click();
  const dialog = page.getByRole('dialog', { name: 'Block this time' });
  await dialog.getByLabel('What for').fill('Supervision');
  await dialog.getByRole('button', { name: 'Block this time' }).click();
  await dialog.waitFor({ state: 'detached' });
  await column.getByText('Supervision').waitFor();
  await assert.rejects(() => book(client(), people.ana, '09:00'), /OUTSIDE_HOURS|outside/);
  const left = await free(maya.page);
  assert.ok(!left.some(t => t > '08:00' && t < '10:00') && left.includes('10:00'), String(left));
});

test('a new visit is booked for a client who calls', async () => {
  const { page } = sam;
  await page.getByRole('button', { name: 'New visit' }).click();
  const dialog = page.getByRole('dialog', { name: 'New visit' });
  await dialog.getByLabel('Find the client').fill(client().lastName);
  await dialog.getByRole('button', { name: new RegExp(`^Choose ${nameOf(client())}`) }).click();
  await dialog.getByLabel('Service').selectOption(service);
  await dialog.getByLabel('With').selectOption(people.ana);
  await dialog.getByLabel('Time').fill('15:00');
  await shot(page, 'calendar-new-visit');
  await accessible(page, 'the form of a new visit');
  await dialog.getByRole('button', { name: 'Book the visit' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.locator(`[data-column="${people.ana}"]`).getByText('3:00 pm to 3:50 pm').waitFor();
});

test('what a colleague changes appears by itself, and whoever saw the old time cannot move over it', async () => {
  const { page } = sam;
  await drag(page, visit.id, 30);
  await page.mouse.up();
  await desk(`appointments/${visit.id}/reschedule`, { startTime: `${wednesday}T08:00` });
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.getByText('Somebody changed this visit a moment ago.').waitFor();
  await dialog.getByRole('button', { name: 'Leave it' }).click();
  await block(page, visit.id).getByText('8:00 am to 9:15 am').waitFor();
});

test('a clinician sees their own and what is taken elsewhere, and no more', async () => {
  const { page } = ana;
  const stranger = await records('front_desk', 'clients/records', { method: 'POST', body: JSON.stringify({ first_name: 'Quentin', last_name: 'Farrow', date_of_birth: '1971-03-02' }) });
  await book({ clientId: stranger.id }, people.ben, '14:30'); // lunch is until then
  await openCalendar(page);
  await block(page, other.id).waitFor();
  await page.locator(`[data-column="${people.ben}"] .cal-busy`).getByText('Taken').waitFor();
  assert.equal(await page.getByText('Quentin').count(), 0);
  await shot(page, 'calendar-clinician-dark');
  await accessible(page, 'the calendar in the dark');
  await page.getByLabel('Show').selectOption('week');
  await block(page, other.id).waitFor();
  await page.locator('[data-column]').nth(6).waitFor();
  assert.equal(await page.locator('[data-column]').count(), 7);
  await shot(page, 'calendar-week-dark');
});

test('a small window shows a list', async () => {
  const small = await person(clinic, { width: 390, height: 844 });
  await staffSignIn(small.page, clinic, login('front_desk'));
  await openCalendar(small.page);
  await small.page.getByRole('button', { name: new RegExp(`${nameOf(second())}.*7:00 pm`) }).click();
  await small.page.getByRole('dialog', { name: nameOf(second()) }).waitFor();
  await small.page.keyboard.press('Escape');
  await shot(small.page, 'calendar-390');
  await accessible(small.page, 'the calendar as a list');
  await fits(small.page, 'the calendar as a list');
  assert.deepEqual(small.complaints, []);
  await small.context.close();
});

test('a clerk in another zone sees the clock of the clinic', async () => {
  const context = await clinic.browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Tokyo', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await staffSignIn(page, clinic, login('front_desk'));
  await openCalendar(page);
  await block(page, other.id).getByText('7:00 pm to 7:50 pm').waitFor();
  await openCalendar(page, '2027-11-07'); // the clocks go back
  await page.locator('.desk-summary').getByText('It has 25 hours.').waitFor();
  await page.getByLabel('Hours').selectOption('1');
  assert.equal(await page.locator('.cal-hours').getByText(/^1 am/).count(), 2);
  await openCalendar(page, '2027-03-14');
  await page.locator('.desk-summary').getByText('It has 23 hours.').waitFor();
  await page.getByText('The clocks skip this time').first().waitFor();
  await shot(page, 'calendar-dst');
  await context.close();
});

test('at the front desk a visit goes from check-in to its end', async () => {
  const { page } = sam;
  const now = await fetch(clinic.url + '/api/v1/portal/config').then(r => r.headers.get('date'));
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Denver' }).format(new Date(now));
  const { appointment } = await desk('appointments', { clientId: second().clientId, serviceId: service, practitionerId: people.ana, locationId: place, startTime: `${today}T23:05`, serviceLocation: 'IN_OFFICE', outsideHours: true });
  await page.goto(clinic.url + '/_/#/desk');
  const who = nameOf(second());
  const row = page.getByRole('row', { name: new RegExp(`11:05 pm.*${who}`) });
  await row.getByRole('button', { name: `Check in: ${who}` }).click();
  await row.getByText('Here').waitFor();
  await row.getByText('a moment').waitFor();
  await shot(page, 'desk-waiting-1280');
  await accessible(page, 'the front desk');
  await row.getByRole('button', { name: `Room ready: ${who}` }).click();
  await row.getByText('Room ready', { exact: true }).waitFor();
  await row.getByRole('button', { name: `Start: ${who}` }).click();
  await row.getByText('In the room').waitFor();
  await row.getByRole('button', { name: `Finish: ${who}` }).click();
  await row.getByText('Done').waitFor();
  assert.ok(appointment.id);
});

test('a visit is dragged to another room, and the client is not told', async () => {
  const { page } = sam;
  await openCalendar(page);
  await page.getByLabel('Show').selectOption('rooms');
  const byPhone = page.locator('.cal-visit').filter({ hasText: '3:00 pm to 3:50 pm' });
  await byPhone.waitFor();
  const id = await byPhone.getAttribute('data-visit');
  const columns = await page.locator('[data-column]').evaluateAll(all => all.map(c => c.dataset.column).filter(c => c !== 'none'));
  const from = await byPhone.evaluate(v => v.closest('[data-column]').dataset.column);
  const to = columns.find(c => c !== from);
  await shot(page, 'calendar-rooms');
  await accessible(page, 'the rooms');
  await drag(page, id, 0, to);
  await page.mouse.up();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('The client is not told: only the room changes.').waitFor();
  await dialog.getByRole('button', { name: 'Move the visit' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.locator(`[data-column="${to}"] [data-visit="${id}"]`).waitFor();
  await page.getByLabel('Show').selectOption('day');
});

test('a request says why a wish cannot be had, and the desk may book outside the hours', async () => {
  const { page } = sam;
  await portal(maya.page, 'appointments/request', 'POST', {
    appointmentType: service, clinicianId: people.ana, serviceLocation: 'IN_OFFICE', reasonForVisit: 'I sleep badly.',
    preferredDate1: wednesday, preferredTime1: '15:00', preferredDate2: wednesday, preferredTime2: '20:30', preferredDate3: wednesday, preferredTime3: '11:00',
  });
  await page.goto(clinic.url + '/_/#/desk');
  const card = page.locator('.desk-request').filter({ hasText: 'Confirm 3rd' });
  await card.getByText('Taken').waitFor();
  await card.getByText('Outside hours').waitFor();
  assert.equal(await card.getByRole('button', { name: /^Confirm/ }).count(), 2);
  await shot(page, 'desk-requests-1280');
  await accessible(page, 'requests that cannot be had');
  await card.getByRole('button', { name: /^Confirm 2nd/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Confirm this time' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Book outside working hours anyway').check({ force: true });
  await accessible(page, 'a confirmation outside the hours');
  await dialog.getByRole('button', { name: 'Confirm this time' }).click();
  await dialog.waitFor({ state: 'detached' });
  await openCalendar(page);
  await page.locator(`[data-column="${people.ana}"]`).getByText('8:30 pm to 9:20 pm').waitFor();
});

test('the front desk hears at once what a client does, and puts it away', async () => {
  const { page } = sam;
  const { id } = await book(client(), people.ana, '12:30');
  await page.goto(clinic.url + '/_/#/desk');
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await portal(maya.page, `appointments/${id}/cancel`, 'POST', { reason: 'I travel that day.' });
  const news = page.getByRole('region', { name: 'News' });
  await news.getByRole('button', { name: `${nameOf(client())} cancelled a visit.`, exact: true }).waitFor(); // nobody reloaded anything
  await news.getByText(/12:30 pm\. a moment ago/).waitFor();
  await shot(page, 'desk-news-1280');
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, 'desk-news-390');
  await accessible(page, 'the news on a phone');
  await fits(page, 'the news on a phone');
  await page.setViewportSize({ width: 1280, height: 900 });
  const theirs = await records('clinician', "staff_notifications/records?filter=(notification_type='appointment_cancelled_by_client'%26%26staff!='')");
  assert.equal(theirs.items.length, 1); // the clinician hears too
  assert.doesNotMatch(JSON.stringify(theirs.items), new RegExp(client().lastName)); // and no row names anybody
  await news.getByRole('button', { name: /^Put away: .* cancelled a visit/ }).click();
  await news.waitFor({ state: 'detached' });
  await page.reload();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await page.locator('.desk-live.on').waitFor();
  assert.equal(await news.count(), 0);
});

test('a late cancellation costs what the desk says: the fee, or nothing', async () => {
  const { page } = sam;
  const settings = (await records('admin', 'clinic_settings/records')).items[0];
  await records('admin', `clinic_settings/records/${settings.id}`, { method: 'PATCH', body: JSON.stringify({ cancel_grace_minutes: 0 }) });
  const soon = Math.ceil((await clock()) / 3_600_000) * 3_600_000 + 20 * 3_600_000;
  const owed = async () => (await portal(maya.page, 'invoices?limit=100')).invoices.filter(i => i.totalCents === 7500).length;
  const before = await owed();
  for (const fee of [true, false]) {
    const startTime = new Date(soon).toISOString().replace('.000Z', 'Z');
    const { appointment } = await desk('appointments', { clientId: client().clientId, serviceId: service, practitionerId: people.ana, locationId: place, startTime, serviceLocation: 'IN_OFFICE', outsideHours: true });
    await openCalendar(page, denver(soon)[0]);
    await block(page, appointment.id).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: /^Cancel / });
    await dialog.getByText('The free period has ended.').waitFor();
    await dialog.getByLabel('Reason').fill('The client is ill.');
    if (fee) await dialog.getByLabel('Charge the late fee of $75.00').check({ force: true });
    if (fee) await shot(page, 'calendar-cancel');
    if (fee) await accessible(page, 'the form of a cancellation');
    await dialog.getByRole('button', { name: 'Cancel the visit' }).click();
    await dialog.waitFor({ state: 'detached' });
    await block(page, appointment.id).waitFor({ state: 'detached' });
    assert.equal(await owed(), before + 1); // the second costs nothing
  }
});

test('whoever does not come is closed as missed, and counted', async () => {
  const { page } = sam;
  const count = async () => (await records('front_desk', `clients/records/${second().clientId}`)).no_show_count;
  const before = await count();
  const begun = Math.floor((await clock()) / 60_000) * 60_000 - 10 * 60_000; // nobody has missed what has not begun
  const startTime = new Date(begun).toISOString().replace('.000Z', 'Z');
  const { appointment } = await desk('appointments', { clientId: second().clientId, serviceId: service, practitionerId: people.ana, locationId: place, startTime, serviceLocation: 'IN_OFFICE', outsideHours: true });
  await openCalendar(page, denver(begun)[0]);
  await block(page, appointment.id).click();
  await page.getByRole('dialog').getByRole('button', { name: 'No show' }).click();
  await page.getByRole('dialog', { name: /did not come/ }).getByRole('button', { name: 'Close as missed' }).click();
  await page.locator(`.cal-over[data-visit="${appointment.id}"]`).first().waitFor();
  assert.equal(await count(), before + 1);
});

test('a time is offered by hand from the waitlist, and the client takes it', async () => {
  const { page } = sam;
  await page.goto(clinic.url + '/_/#/desk');
  await page.getByRole('button', { name: 'Put a client on the waitlist' }).click();
  const joining = page.getByRole('dialog', { name: 'Put a client on the waitlist' });
  await joining.getByLabel('Find the client').fill(client().lastName);
  await joining.getByRole('button', { name: new RegExp(`^Choose ${nameOf(client())}`) }).click();
  await joining.getByLabel('Service').selectOption(service);
  await joining.getByLabel('With').selectOption(people.ana);
  await accessible(page, 'the form of the waitlist');
  await joining.getByRole('button', { name: 'Put on the waitlist' }).click();
  await joining.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: `Offer ${nameOf(client())} a time` }).click();
  const offering = page.getByRole('dialog', { name: `Offer ${nameOf(client())} a time` });
  await offering.getByLabel('Date').fill(wednesday);
  await offering.getByLabel('Time').fill('20:00');
  await offering.getByRole('button', { name: 'Offer this time' }).click();
  await offering.getByRole('alert').waitFor(); // nobody works then
  await offering.getByLabel('Time').fill('10:00');
  await offering.getByRole('button', { name: 'Offer this time' }).click();
  await offering.waitFor({ state: 'detached' });
  const entry = page.getByRole('region', { name: 'Waitlist', exact: true }).locator('.desk-request').filter({ hasText: nameOf(client()) });
  await entry.getByText(/10:00 am\. (1 h \d+ min|2 h 0 min) left to answer/).waitFor();
  await shot(page, 'desk-waitlist-1280');
  await openCalendar(page);
  await page.locator(`[data-column="${people.ana}"] .cal-offer`).getByText('Offered to the waitlist').waitFor();
  await assert.rejects(() => book(second(), people.ana, '10:00'), /SLOT_UNAVAILABLE/);
  await page.goto(clinic.url + '/_/#/desk');
  await entry.getByText('left to answer').waitFor();
  await maya.page.goto(clinic.url + '/appointments/waitlist');
  await maya.page.getByRole('button', { name: 'Take this time' }).click();
  await maya.page.waitForURL(/\/appointments\/\w{15}$/);
  await entry.waitFor({ state: 'detached' }); // and the desk sees it by itself
});

test('where the rules of the clock have changed, the desk decides for each visit what stays', async () => {
  const { page } = sam;
  await clinic.restart('SIGTERM', () => {
    clinic.sql(`UPDATE appointments SET local_start = '08:30' WHERE id = '${visit.id}'`); // 8:00 by today's rules
    clinic.sql(`UPDATE appointments SET local_start = '20:00' WHERE id = '${other.id}'`); // 19:00
  });
  await page.goto(clinic.url + '/_/#/desk');
  await page.reload();
  const news = page.getByRole('region', { name: 'News' });
  await news.getByRole('button', { name: /^The rules of the clock have changed/ }).click();
  await page.getByRole('heading', { name: 'Clocks changed' }).waitFor();
  await page.getByRole('link', { name: 'Clocks changed' }).waitFor();
  const row = (who, agreed, now) => page.getByRole('row', { name: new RegExp(`${nameOf(who)}.*${agreed}.*${now}`) });
  await row(client(), '8:30 am', '8:00 am').getByRole('checkbox').check();
  await row(second(), '8:00 pm', '7:00 pm').waitFor();
  await shot(page, 'zone-changes-1280');
  await accessible(page, 'visits whose clock has changed');
  await fits(page, 'visits whose clock has changed');
  await page.getByRole('button', { name: 'Keep the time on the clock' }).click();
  await page.getByRole('dialog', { name: 'Keep the time on the clock for 1 visit?' }).getByRole('button', { name: 'Keep the time on the clock' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await row(client(), '8:30 am', '8:00 am').waitFor({ state: 'detached' });
  await row(second(), '8:00 pm', '7:00 pm').getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Keep the moment' }).click();
  await page.getByRole('dialog', { name: 'Keep the moment for 1 visit?' }).getByRole('button', { name: 'Keep the moment' }).click();
  await page.getByText('Nothing to decide.').waitFor();
  const mail = await clinic.mail(client().email, m => /clocks/i.test(m.subject));
  assert.match(mail.text, /8:30/);
  assert.match((await clinic.mail(second().email, m => /clocks/i.test(m.subject))).text, /7:00/);
  await openCalendar(page);
  await block(page, visit.id).getByText('8:30 am to 9:45 am').waitFor();
  await block(page, other.id).getByText('7:00 pm to 7:50 pm').waitFor();
});

test('hours are entered as a week, and a closure shows in the calendar', async () => {
  const { page } = sam;
  await page.goto(clinic.url + '/_/#/hours');
  await page.getByLabel('Clinician').selectOption(people.ana);
  await page.getByRole('button', { name: 'Add hours' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add working hours' });
  for (const day of ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday']) await dialog.getByLabel(day).uncheck({ force: true });
  await dialog.getByLabel('Saturday').check({ force: true });
  await dialog.getByLabel('First day').fill(wednesday);
  await accessible(page, 'the form of working hours');
  await dialog.getByRole('button', { name: 'Add the hours' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /Sat/ }).first().waitFor();
  await page.getByRole('button', { name: 'Add a closure' }).click();
  const closing = page.getByRole('dialog', { name: 'Close the clinic' });
  await closing.getByLabel('Name').fill('Staff day');
  await closing.getByLabel('First day').fill(wednesday);
  await closing.getByLabel('From').fill('16:00');
  await closing.getByLabel('Until').fill('17:00');
  await closing.getByRole('button', { name: 'Close the clinic then' }).click();
  await closing.waitFor({ state: 'detached' });
  await page.getByText('Staff day').waitFor();
  await shot(page, 'hours-1280');
  await accessible(page, 'the hours');
  await fits(page, 'the hours');
  await openCalendar(page);
  await page.locator('.cal-hatch').getByText('Staff day').first().waitFor();
  const left = await free(maya.page);
  assert.ok(left.length > 0 && !left.some(t => t > '15:00' && t < '17:00'), String(left));
  await page.emulateMedia({ media: 'print' });
  await page.locator('.cal-paper').getByText('Booked').first().waitFor();
  await shot(page, 'calendar-print');
  await page.emulateMedia({ media: 'screen' });
  await records('front_desk', 'closures/records', { method: 'POST', body: JSON.stringify({ name: 'Moving house', location: place, first_day: wednesday, is_active: true }) });
  assert.deepEqual(await free(maya.page), []); // closed all day
  assert.deepEqual(maya.complaints, []);
  assert.deepEqual(sam.complaints, []);
  assert.deepEqual(ana.complaints, []);
});

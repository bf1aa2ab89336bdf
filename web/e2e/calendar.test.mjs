// The clinic's calendar in the dashboard: what is dragged, typed and pressed there, and what the client hears of it.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, openClinic, person, shot, staffSignIn } from './clinic.mjs';

let clinic;
let sam; // at the front desk
let ana; // a clinician
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
  await staffSignIn(sam.page, clinic, login('front_desk'));
  await staffSignIn(ana.page, clinic, login('clinician'));
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ sam, ana })) await shot(p.page, `failed-calendar-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

const book = async (client, clinician, time) => {
  const { appointment } = await desk('appointments', { clientId: client.clientId, serviceId: service, practitionerId: clinician, locationId: place, startTime: `${wednesday}T${time}`, serviceLocation: 'IN_OFFICE' });
  return appointment;
};
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
  assert.deepEqual(sam.complaints, []);
  assert.deepEqual(ana.complaints, []);
});

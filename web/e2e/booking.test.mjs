// A visit's life as clients live it: a free time found, booked, moved, given back late, arrived at; a time from the waitlist; a calendar that is read.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, look, openClinic, person, shot, signIn } from './clinic.mjs';

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

/** From the service to its free times. */
async function findTime(page) {
  await page.goto(clinic.url + '/appointments/book');
  await page.getByRole('radio', { name: new RegExp(service) }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  const who = page.getByRole('heading', { name: 'Who and how?' });
  await who.or(times(page)).first().waitFor();
  if (await who.count()) {
    const anyone = page.getByRole('radio', { name: /Anyone who is free/ });
    if (await anyone.count()) await anyone.check();
    const place = page.getByRole('radio', { name: /In person/ });
    if (await place.count()) await place.first().check();
    await page.getByRole('button', { name: 'Continue' }).click();
  }
  await times(page).waitFor();
}

let booked; // the address of Maya's visit

test('a client finds a free time, sees what it means, and books it', async () => {
  const { page } = maya;
  await findTime(page);
  await look(maya, 'book-times');
  const first = page.getByRole('radio', { name: /, \d+:\d\d/ }).first();
  await first.focus();
  await page.keyboard.press('ArrowRight'); // arrows choose, and nothing is booked by that
  assert.equal(await page.getByRole('radio', { checked: true }).count(), 1);
  await page.getByRole('button', { name: 'Show month' }).click();
  await page.getByRole('grid').waitFor();
  await accessible(page, 'the month');
  await page.getByRole('button', { name: 'Hide month' }).click();
  await page.getByRole('radio').last().click();
  await look(maya, 'book-chosen');
  await page.getByRole('button', { name: 'Book this time' }).click();
  await page.getByRole('heading', { name: 'You’re booked' }).waitFor();
  await look(maya, 'booked');
  await page.getByRole('link', { name: 'See the visit' }).click();
  await page.waitForURL(/\/appointments\/\w{15}$/);
  booked = page.url();
  await page.getByRole('link', { name: 'Change time' }).waitFor();
  await look(maya, 'visit');
  await page.getByText('History of this visit').click();
  await page.getByText('Booked', { exact: true }).waitFor();
});

test('two people want one time: the second stays, and is offered the next', async () => {
  const { page } = daniel;
  await findTime(page);
  await page.getByRole('radio').first().click();
  const name = await page.getByRole('radio').first().getAttribute('aria-label');
  await look(daniel, 'book-dock');
  await findTime(maya.page);
  await maya.page.getByRole('radio', { name, exact: true }).click();
  await maya.page.getByRole('button', { name: 'Book this time' }).click();
  await maya.page.getByRole('heading', { name: 'You’re booked' }).or(maya.page.getByRole('alert')).first().waitFor();
  await page.getByRole('button', { name: 'Book this time' }).click();
  // with two clinicians there may be room for both: either way nobody is left without an answer
  await page.getByRole('heading', { name: 'You’re booked' }).or(page.getByText('That time was just taken')).first().waitFor();
  await fits(page, 'after booking on a phone');
});

test('she moves it, and the list and the week show where it went', async () => {
  const { page } = maya;
  await page.goto(booked);
  const before = await page.getByRole('heading', { level: 1 }).textContent();
  await page.getByRole('link', { name: 'Change time' }).click();
  await times(page).waitFor();
  await page.getByRole('radio').nth(3).click();
  await look(maya, 'move');
  await page.getByRole('button', { name: 'Move to this time' }).click();
  await page.waitForURL(booked);
  await page.waitForFunction(was => document.querySelector('main h1')?.textContent !== was, before);
  await page.goto(clinic.url + '/appointments');
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
  const visit = await inPortal(page, `appointments/${booked.split('/').at(-1)}`);
  const left = (Date.parse(visit.startTime) - Date.now()) / 1000 - 3 * 3600; // three hours before it
  await clinic.advance(Math.round(Math.max(left, 3600)));
  await signIn(page, clinic, clinic.demo.clients[0]).catch(() => undefined);
  await page.goto(booked);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/^Cancelling now costs \$/).waitFor();
  await look(maya, 'cancel-late');
  await dialog.getByRole('radio', { name: /I’m ill/ }).check();
  await dialog.getByRole('button', { name: /^Cancel visit and pay \$/ }).click();
  await page.getByText('Cancelled', { exact: true }).first().waitFor();
  await page.goto(clinic.url + '/payments');
  await page.getByText(/cancel/i).first().waitFor();
});

/** What the portal says to this person. */
function inPortal(page, path, method = 'GET', body) {
  return page.evaluate(
    async ([path, method, body]) => {
      const { token } = JSON.parse(localStorage.getItem('anteroom.auth') ?? '{}');
      const answer = await fetch(`/api/v1/portal/${path}`, { method, headers: { Authorization: token, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return (await answer.json()).data;
    },
    [path, method, body],
  );
}

test('her calendar reads the private address until she revokes it', async () => {
  const { page } = maya;
  await page.goto(clinic.url + '/settings/calendar');
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

test('a time that one gives back is offered to who waits for it', async () => {
  const { page } = daniel;
  await signIn(page, clinic, clinic.demo.clients[1]).catch(() => undefined);
  await page.goto(clinic.url + '/appointments/waitlist/join');
  await page.getByLabel('For what?').selectOption({ label: service });
  await look(daniel, 'waitlist-join');
  await page.getByRole('button', { name: 'Join the waitlist' }).click();
  await page.getByRole('heading', { name: 'What you wait for' }).waitFor();
  await look(daniel, 'waitlist');
  await findTime(maya.page);
  await maya.page.getByRole('radio').last().click();
  await maya.page.getByRole('button', { name: 'Book this time' }).click();
  await maya.page.getByRole('link', { name: 'See the visit' }).click();
  await maya.page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await maya.page.getByRole('button', { name: /^Cancel visit/ }).click();
  await page.getByRole('button', { name: 'Take this time' }).waitFor(); // nobody reloaded anything
  await look(daniel, 'waitlist-offer');
  await page.getByRole('button', { name: 'Take this time' }).click();
  await page.waitForURL(/\/appointments\/\w{15}$/);
});

test('two people are booked together', async () => {
  const { page } = maya;
  await page.goto(clinic.url + '/appointments/group');
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
  await page.getByRole('radio').first().click();
  await look(maya, 'group-time');
  await page.getByRole('button', { name: 'Book for 2 people' }).click();
  await page.getByRole('heading', { name: 'You’re all booked' }).waitFor();
  await page.getByRole('link', { name: 'See the booking' }).click();
  await page.getByText('Kim Lee').waitFor();
  await look(maya, 'group');
});

test('on the day she says that she is here, and nothing complained', async () => {
  const { page } = maya;
  await findTime(page);
  await page.getByRole('radio').first().click();
  await page.getByRole('button', { name: 'Book this time' }).click();
  await page.getByRole('link', { name: 'See the visit' }).click();
  await page.waitForURL(/\/appointments\/\w{15}$/);
  const visit = await inPortal(page, `appointments/${page.url().split('/').at(-1)}`);
  const at = page.url();
  const now = Date.parse((await fetch(clinic.url + '/readyz')).headers.get('date'));
  const left = (Date.parse(visit.startTime) - now) / 1000 - 600;
  if (left > 0) await clinic.advance(Math.round(left));
  await signIn(page, clinic, clinic.demo.clients[0]).catch(() => undefined);
  await page.goto(at);
  await page.getByRole('button', { name: 'I’m here' }).click();
  await page.getByText('You’re checked in.', { exact: false }).first().waitFor();
  await look(maya, 'checked-in');
  assert.deepEqual(maya.complaints, []);
  assert.deepEqual(daniel.complaints, []);
});

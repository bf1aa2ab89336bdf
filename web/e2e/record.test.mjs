// What a client sees of their own record: who looked at it, and a picture of their own.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { look, openClinic, person, shot, signIn } from './clinic.mjs';

let clinic;
let maya;
let client;

before(async () => {
  clinic = await openClinic();
  [maya] = clinic.demo.clients;
  client = await person(clinic);
  await signIn(client.page, clinic, maya);
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) await shot(client.page, `failed-${t.name.slice(0, 20).replace(/\W+/g, '-')}`);
});

const json = { 'Content-Type': 'application/json' };
/** Opens the client's record as the dashboard does. */
async function openRecordAs(role) {
  const { email, password } = clinic.demo.staff.find(s => s.role === role);
  const { token, record } = await fetch(`${clinic.url}/api/collections/staff/auth-with-password`, { method: 'POST', headers: json, body: JSON.stringify({ identity: email, password }) }).then(r => r.json());
  const answer = await fetch(`${clinic.url}/api/collections/clients/records/${maya.clientId}`, { headers: { Authorization: token } });
  assert.equal(answer.status, 200);
  return `${record.first_name} ${record.last_name}`;
}
const button = name => client.page.getByRole('button', { name, exact: true });
const says = text => client.page.getByText(text).first();

test('1. the client sees who looked at the record: the clinic by name, and themselves once a day', async () => {
  const { page } = client;
  const clerk = await openRecordAs('front_desk');
  for (const path of ['/forms', '/dashboard', '/forms']) await page.goto(clinic.url + path);
  await page.goto(clinic.url + '/profile');
  await page.getByRole('link', { name: 'Who looked at your record' }).click();
  await says(`${clerk} looked at your personal details.`).waitFor();
  await says('You looked at your forms.').waitFor();
  assert.equal(await page.getByText('You looked at your forms.').count(), 1, 'one’s own looks are one line a day');
  await look(client, 'access-log');
  await page.getByRole('link', { name: 'People at the clinic' }).click();
  await page.getByText('You looked at your forms.').waitFor({ state: 'detached' });
  await says(`${clerk} looked at your personal details.`).waitFor();
  assert.deepEqual(client.complaints, []);
});

test('2. a picture is chosen, looked at, sent, seen here and in the header, and removed', async () => {
  const { page } = client;
  const shown = page.locator('main img');
  const inHeader = page.locator('header img').locator('visible=true');
  await page.goto(clinic.url + '/profile');
  await page.getByRole('heading', { name: 'Your picture' }).waitFor();
  await look(client, 'picture-none');
  const picture = { name: 'me.png', mimeType: 'image/png', buffer: await page.screenshot() };
  await page.setInputFiles('input[type=file]', picture);
  await says('This is how it will look.').waitFor();
  await look(client, 'picture-chosen');
  await button('Use this picture').click();
  await button('Replace the picture').waitFor();
  await inHeader.waitFor();
  // the bytes came with the token: no address of the server is in the page
  for (const img of [shown, inHeader]) assert.match(await img.getAttribute('src'), /^blob:/);
  assert.deepEqual(await shown.evaluate(async img => (await img.decode(), [img.naturalWidth, img.naturalHeight])), [512, 512]);
  await look(client, 'picture-kept');

  await page.setInputFiles('input[type=file]', { name: 'me.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload="alert(1)"/>') });
  await button('Use this picture').click();
  await says('We can’t use this kind of file.').waitFor();
  await button('Replace the picture').waitFor(); // the former one stays
  await look(client, 'picture-refused');

  await page.goto(clinic.url + '/dashboard');
  await inHeader.waitFor();
  const bare = await fetch(`${clinic.url}/api/v1/portal/profile/avatar`);
  assert.equal(bare.status, 401, 'nobody gets it without the token');

  await page.goto(clinic.url + '/profile');
  await button('Remove').click();
  await page.getByRole('dialog', { name: 'Remove the picture?' }).waitFor();
  await look(client, 'picture-remove');
  await button('Remove the picture').click();
  await button('Add a picture').waitFor();
  await inHeader.waitFor({ state: 'detached' });
  assert.deepEqual(client.complaints, []);
});

test('3. what was done with the picture is on record', async () => {
  const { page } = client;
  await page.goto(clinic.url + '/profile/access-log');
  await says('You changed your picture.').waitFor();
  await says('You removed your picture.').waitFor();
});

test('4. the token of a mailed link is gone from the address before anything is asked for', async () => {
  const { page, context } = await person(clinic);
  await page.goto(clinic.url + '/forgot-password');
  await page.getByLabel('Email').fill(maya.email);
  await page.getByRole('button', { name: 'Send the link' }).click();
  const link = (await clinic.mail(maya.email, m => /reset-password/.test(m.text))).text.match(/\/reset-password\?token=(\S+)/);
  const asked = [];
  page.on('request', r => asked.push(r));
  await page.goto(clinic.url + link[0]);
  await page.getByLabel('New password').waitFor();
  assert.equal(page.url(), clinic.url + '/reset-password');
  const [first, ...others] = asked;
  assert.ok(first.url().endsWith(link[0]) && others.length > 3);
  for (const r of others) {
    const { referer = '' } = await r.allHeaders();
    assert.ok(!(r.url() + referer).includes(link[1]), `${r.url()} carries the token`);
  }
  await page.reload();
  await page.getByLabel('New password').waitFor();
  await context.close();
});

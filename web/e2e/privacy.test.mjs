// Privacy in the dashboard: who looked at whose record, a clinician who breaks the glass and what the administrator sees
// of it, files that wait for a decision, and encrypted fields in a record's panel.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { accessible, fits, openClinic, person, shot, staffSignIn } from './clinic.mjs';

let clinic;
let ruth; // an administrator
let ana; // a clinician, in a narrow dark window
const login = role => clinic.demo.staff.find(s => s.role === role);
const said = (page, words) => page.getByText(words).first().waitFor();
const NORA = { first_name: 'Nora', last_name: 'Quinn', date_of_birth: '1988-02-03', email: 'nora.quinn@mail.example', phone: '(303) 555-0199', language: 'en', status: 'active' };
let nora; // a client of nobody's care team

/** What somebody of the staff does by way of the record API: gives the call. */
async function records(role) {
  const { email, password } = login(role);
  const json = { 'Content-Type': 'application/json' };
  const { token } = await fetch(`${clinic.url}/api/collections/staff/auth-with-password`, { method: 'POST', headers: json, body: JSON.stringify({ identity: email, password }) }).then(r => r.json());
  return async (path, method = 'GET', body) => {
    const answer = await fetch(`${clinic.url}/api/collections/${path}`, { method, headers: { ...json, Authorization: token }, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
}

before(async () => {
  clinic = await openClinic();
  const made = await (await records('front_desk'))('clients/records', 'POST', NORA);
  assert.equal(made.status, 200, JSON.stringify(made.body));
  nora = made.body.id;
  ruth = await person(clinic);
  ana = await person(clinic, { width: 700, height: 1000, dark: true });
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ ruth, ana })) if (p) await shot(p.page, `failed-privacy-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

/** A page as it stands: nothing sticks out and axe finds nothing; with PICTURES set it is kept to be looked at. */
async function see({ page }, name) {
  if (process.env.PICTURES) await shot(page, `privacy-${name}`);
  await fits(page, name);
  await accessible(page, name);
}

/** axe on what is ours of PocketBase's own panel. */
async function seeSealed({ page }, name) {
  if (process.env.PICTURES) await shot(page, `privacy-${name}`);
  const found = await new AxeBuilder({ page }).setLegacyMode().include('.desk-sealed').analyze();
  assert.deepEqual(found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(' | ')}`), [], `axe on ${name}`);
}

async function openClient(page, name) {
  await page.goto(`${clinic.url}/_/#/collections?collection=clients`);
  await page.getByRole('row').filter({ hasText: name }).click();
  await page.locator('.record-upsert-modal .desk-sealed').first().waitFor();
  return page.locator('.record-upsert-modal');
}

test('a clinician does not find a foreign client among records, only by name', async () => {
  const { page } = ana;
  await staffSignIn(page, clinic, login('clinician'));
  const foreign = await (await records('clinician'))(`clients/records/${nora}`);
  assert.equal(foreign.status, 404, JSON.stringify(foreign.body));
  await page.getByRole('link', { name: 'Break the glass' }).click();
  await said(page, 'You have never broken the glass.');
  await page.getByLabel('Find the client').fill('quinn');
  await page.getByText('Not on your care team').waitFor();
  await page.getByText('born Feb 3, 1988').waitFor();
  assert.equal(await page.getByText(NORA.email).count(), 0);
  await see(ana, 'find-700-dark');
  await page.getByLabel('Find the client').fill('nobody like that');
  await said(page, 'Nobody fits.');
});

test('she breaks the glass by keyboard: without a reason nothing opens; then a bar says so on every page', async () => {
  const { page } = ana;
  await page.getByLabel('Find the client').fill('quinn');
  await page.getByRole('button', { name: 'Break the glass: Nora Quinn' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Open the record of Nora Quinn?' });
  await dialog.getByText('The privacy officer is told').waitFor();
  assert.equal(await dialog.getByLabel('Why do you need it?').evaluate(e => e === document.activeElement), true);
  await page.keyboard.type('short    ');
  await dialog.getByRole('button', { name: 'Break the glass' }).click();
  await dialog.waitFor(); // the form or the server says that it is too short
  await dialog.getByLabel('Why do you need it?').fill('Called by the emergency room about her medicines');
  await dialog.getByText('48 of 1000 characters.').waitFor();
  await see(ana, 'break-700-dark');
  await dialog.getByRole('button', { name: 'Break the glass' }).click();
  await dialog.waitFor({ state: 'detached' });
  const bar = page.getByRole('complementary', { name: 'Broken glass' });
  await bar.getByText(/Nora Quinn.*(30|29) minutes left/).waitFor();
  await page.getByText('Open now', { exact: true }).waitFor();
  await see(ana, 'broken-700-dark');
  await page.reload();
  await bar.getByText('minutes left').waitFor();
});

test('the record opens under the bar; what she writes into an encrypted field comes back, and nothing stays on the disk', async () => {
  const { page } = ana;
  const bar = page.getByRole('complementary', { name: 'Broken glass' });
  const panel = await openClient(page, 'Nora');
  await bar.getByRole('button', { name: 'End now: Nora Quinn' }).click({ trial: true }); // above the panel
  await panel.getByLabel('allergies').fill('["Penicillin", "latex"]');
  await panel.getByLabel('medical_history').fill('{"conditions": ["asthma"');
  await panel.getByText('This is not valid JSON').waitFor();
  await seeSealed(ana, 'sealed-invalid-700-dark');
  await panel.getByRole('button', { name: 'Save changes' }).click();
  await said(page, 'medical_history is not valid JSON. Nothing was saved.');
  await panel.getByLabel('medical_history').fill('{"conditions": ["asthma"]}');
  await panel.getByText('This is not valid JSON').waitFor({ state: 'detached' });
  assert.deepEqual(await page.evaluate(() => JSON.stringify(localStorage).match(/draft_|Penicillin|asthma/g)), null);
  await panel.getByRole('button', { name: 'Save changes' }).click();
  await panel.waitFor({ state: 'detached' });
  const again = await openClient(page, 'Nora');
  await page.waitForFunction(() => [...document.querySelectorAll('.record-upsert-modal textarea')].some(t => t.value.includes('latex')));
  assert.deepEqual(JSON.parse(await again.getByLabel('medical_history').inputValue()), { conditions: ['asthma'] });
  await seeSealed(ana, 'sealed-700-dark');
  await again.getByRole('button', { name: 'Close' }).click();
  await again.waitFor({ state: 'detached' });
  assert.equal(await page.getByText('Penicillin').count(), 0); // the list behind it shows none of this
});

test('a search among records works although some of their fields are encrypted', async () => {
  const { page } = ana;
  const answered = page.waitForResponse(r => /clients\/records\?.*filter=/.test(r.url()));
  await page.locator('.records-searchbar-wrapper [contenteditable], .records-searchbar-wrapper textarea').first().click();
  await page.keyboard.type('Quinn');
  await page.keyboard.press('Enter');
  assert.equal((await answered).status(), 200);
  await page.getByRole('row').filter({ hasText: 'Nora' }).waitFor();
  assert.equal(await page.evaluate(() => /Quinn/.test(JSON.stringify(localStorage))), false);
});

test('the administrator is told, reads the reason and follows the marked lines into the audit log', async () => {
  const { page } = ruth;
  await clinic.mail(login('admin').email, m => !/Nora|Quinn/.test(m.subject + m.text) && /record|glass/i.test(m.subject + m.text));
  await staffSignIn(page, clinic, login('admin'));
  await page.getByRole('link', { name: 'Break the glass' }).click();
  await said(page, 'Ana Reyes opened the record of Nora Quinn');
  await said(page, 'Called by the emergency room about her medicines');
  await see(ruth, 'glass-admin-1280');
  await page.getByRole('link', { name: /^See what Ana Reyes looked at/ }).click();
  await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  const marked = page.getByRole('row').filter({ hasText: 'Broken glass' });
  await marked.first().waitFor();
  await page.getByText(/by Ana Reyes, about Nora Quinn, .*only under broken glass/).waitFor();
  await marked.filter({ hasText: /record|health/ }).first().getByRole('button', { name: /^Details of line/ }).click();
  await page.locator('.desk-detail:visible').getByText('Action', { exact: true }).waitFor();
  await see(ruth, 'audit-glass-1280');
});

test('she searches the log: by person, by refusals, by client; and sees what was turned away', async () => {
  const { page } = ruth;
  await page.getByRole('button', { name: 'Show everything' }).click();
  await page.getByLabel('Result').selectOption('refused');
  await page.getByRole('row').filter({ hasText: 'Refused' }).first().waitFor();
  await page.getByLabel('Result').selectOption('');
  await page.getByLabel('Person').selectOption({ label: 'Ana Reyes' });
  await page.getByText(/by Ana Reyes/).waitFor();
  await page.getByRole('button', { name: 'Anybody\'s' }).click();
  await page.getByRole('dialog').getByLabel('Find the client').fill('quinn');
  await page.getByRole('button', { name: 'Choose Nora Quinn' }).click();
  await page.getByText(/by Ana Reyes, about Nora Quinn/).waitFor();
  await page.reload(); // the search stands in the address
  await page.getByRole('row').filter({ hasText: 'broke the glass' }).first().waitFor();
  await page.getByLabel('Action').selectOption({ label: 'refunded a payment' });
  await said(page, 'Nothing like that');
  await see(ruth, 'audit-none-1280');
  await page.getByRole('button', { name: 'Show everything' }).click();
  const first = page.locator('.desk-log tbody tr').first();
  await first.waitFor();
  const older = page.getByRole('button', { name: 'Show older' });
  if (await older.count()) {
    const rows = await page.locator('.desk-stop-line').count();
    await older.click();
    await page.waitForFunction(n => document.querySelectorAll('.desk-stop-line').length > n, rows);
  }
  await see(ruth, 'audit-1280');
});

test('she checks that the log is whole and keeps its fingerprint', async () => {
  const { page, context } = ruth;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Check the log' }).click();
  await page.getByText(/lines are whole: none was changed, none is missing/).waitFor();
  await page.getByRole('button', { name: 'Copy the fingerprint' }).click();
  await said(page, 'Copied.');
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^\d+:[0-9a-f]{64}$/);
  await see(ruth, 'audit-checked-1280');
  await page.setViewportSize({ width: 700, height: 1000 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await see(ruth, 'audit-checked-700-dark');
  await page.emulateMedia({ colorScheme: 'light', media: 'print' });
  assert.equal(await page.getByRole('search').isVisible(), false);
  if (process.env.PICTURES) await shot(page, 'privacy-audit-print');
  await page.emulateMedia({ media: 'screen' });
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('the clinician ends it, and the record is closed to her again', async () => {
  const { page } = ana;
  await page.goto(`${clinic.url}/_/#/break-glass`);
  const bar = page.getByRole('complementary', { name: 'Broken glass' });
  await bar.getByRole('button', { name: 'End now: Nora Quinn' }).click();
  await said(page, 'The record of Nora Quinn is closed to you again.');
  await bar.waitFor({ state: 'hidden' });
  assert.equal((await (await records('clinician'))(`clients/records/${nora}`)).status, 404);
});

test('a note is drafted, signed, and then stays as it is', async () => {
  const { page } = ana;
  const maya = clinic.demo.clients[0].clientId;
  const call = await records('clinician');
  const made = await call('treatment_notes/records', 'POST', { client: maya, kind: 'progress', status: 'draft', title: 'First session', body: 'Sleeps better.' });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await page.goto(`${clinic.url}/_/#/collections?collection=treatment_notes&record=${made.body.id}`);
  const panel = page.locator('.record-upsert-modal');
  await page.waitForFunction(() => [...document.querySelectorAll('.record-upsert-modal textarea')].some(t => t.value === 'Sleeps better.'));
  await panel.getByLabel('body').fill('Sleeps better, five hours.');
  await seeSealed(ana, 'note-draft-700-dark');
  await panel.getByRole('button', { name: 'Save changes' }).click();
  await panel.waitFor({ state: 'detached' });
  const signed = await call(`treatment_notes/records/${made.body.id}`, 'PATCH', { status: 'signed' });
  assert.equal(signed.status, 200, JSON.stringify(signed.body));
  await page.goto(`${clinic.url}/_/#/desk`);
  await page.goto(`${clinic.url}/_/#/collections?collection=treatment_notes&record=${made.body.id}`);
  const preview = page.locator('.record-preview-modal');
  await preview.getByText('This note is signed and stays as it is.').waitFor();
  await preview.getByText('Sleeps better, five hours.').waitFor();
  assert.equal(await preview.locator('textarea, input').count(), 0);
  if (process.env.PICTURES) await shot(page, 'privacy-note-signed-700-dark');
  await preview.getByRole('button', { name: 'Write an amendment' }).click();
  await panel.getByLabel('body').waitFor();
  await panel.getByRole('button', { name: 'Close' }).click();
});

// No door of the portal takes a file that somebody has to decide about yet: the answers are the desk's own shapes.
test('files that nobody scanned wait for a decision, counted in the navigation', async () => {
  const { page } = ruth;
  const client = { id: nora, firstName: 'Nora', lastName: 'Quinn' };
  const file = (id, more) => ({ id, client, purpose: 'document', name: `${id}.pdf`, mime: 'application/pdf', size: 24000, uploadedAt: '2026-11-20T17:00:00Z', scan: 'not_scanned', ...more });
  let all = [file('letter'), file('plan', { releasedAt: '2026-11-21T17:00:00Z' }), file('bad', { scan: 'blocked', finding: 'Eicar-Signature' })];
  const answer = data => ({ status: 200, contentType: 'application/json', body: JSON.stringify({ success: true, data }) });
  const decided = [];
  await page.route(/\/api\/v1\/desk\/uploads/, async route => {
    const url = new URL(route.request().url());
    if (route.request().method() === 'POST') {
      const [id, act] = url.pathname.split('/').slice(-2);
      decided.push([id, act, route.request().postDataJSON()]);
      all = all.map(f => (f.id !== id ? f : act === 'release' ? { ...f, releasedAt: '2026-11-22T17:00:00Z' } : { ...f, scan: 'blocked' }));
      return route.fulfill(answer(all.find(f => f.id === id)));
    }
    if (url.pathname.endsWith('/content')) return route.fulfill({ status: 409, contentType: 'application/json', body: JSON.stringify({ success: false, message: 'This file is closed.', error: { code: 'CONFLICT', message: 'This file is closed.', details: { reason: 'NOT_RELEASED' } } }) });
    const scan = url.searchParams.get('scan');
    const uploads = all.filter(f => !scan || f.scan === scan);
    return route.fulfill(answer({ uploads, pagination: { page: 1, limit: 50, total: uploads.length, totalPages: 1 } }));
  });
  await page.reload();
  await page.getByRole('link', { name: 'Files (1)' }).click();
  await page.getByRole('button', { name: 'Release letter.pdf of Nora Quinn' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Open letter.pdf of Nora Quinn' }).count(), 0);
  await page.getByLabel('State', { exact: true }).selectOption('');
  await said(page, 'Eicar-Signature');
  await see(ruth, 'files-1280');
  await page.getByRole('button', { name: 'Open plan.pdf of Nora Quinn' }).click();
  await said(page, 'This file is closed.');
  await page.getByRole('button', { name: 'Release letter.pdf of Nora Quinn' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('No scanner has looked at this file').waitFor();
  await dialog.getByLabel('Reason').fill('Announced on the phone');
  await see(ruth, 'files-release-1280');
  await dialog.getByRole('button', { name: 'Release it' }).click();
  await said(page, 'The file is released.');
  await page.getByRole('link', { name: 'Files', exact: true }).waitFor();
  assert.deepEqual(decided, [['letter', 'release', { reason: 'Announced on the phone' }]]);
  all = [];
  await page.evaluate(() => globalThis.app.toasts.removeAll(false));
  await page.getByLabel('State', { exact: true }).selectOption('pending');
  await said(page, 'No file waits for the scanner.');
  await see(ruth, 'files-none-1280');
  await page.unroute(/\/api\/v1\/desk\/uploads/);
});

test('other roles are not offered the log, and are told so', async () => {
  const sam = await person(clinic);
  await staffSignIn(sam.page, clinic, login('front_desk'));
  for (const name of ['Audit log', 'Break the glass']) assert.equal(await sam.page.getByRole('link', { name }).count(), 0);
  await sam.page.goto(clinic.url + '/_/#/audit-log');
  await said(sam.page, 'The audit log is not part of your role.');
  await accessible(sam.page, 'an audit log that is not part of the role');
  await sam.page.goto(clinic.url + '/_/#/break-glass');
  await said(sam.page, 'Breaking the glass is not part of your role.');
  assert.deepEqual(sam.complaints, []);
  await sam.context.close();
});

test('signing out leaves nothing of a record in the browser', async () => {
  const { page } = ana;
  const panel = await openClient(page, 'Maya');
  await panel.getByLabel('allergies').fill('["Something unsaved"]');
  await page.evaluate(() => localStorage.setItem('draft_clients_x', 'something unsaved'));
  assert.equal(await page.evaluate(() => Object.keys(localStorage).some(k => k.startsWith('draft_'))), false);
  await page.evaluate(() => globalThis.app.pb.authStore.clear());
  await page.getByRole('heading', { name: 'Staff sign in' }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem('draft_clients_x')), null);
});

test('nothing complained', () => {
  assert.deepEqual(ruth.complaints, []);
  assert.deepEqual(ana.complaints, []);
});

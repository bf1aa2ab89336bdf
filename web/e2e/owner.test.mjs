// Who operates the server: the owner signs in like staff, with a second step, an idle limit and sessions of their own.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, openClinic, person, shot } from './clinic.mjs';

let clinic;
let owner;

before(async () => {
  clinic = await openClinic();
  owner = await person(clinic);
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) await shot(owner.page, `failed-owner-${t.name.slice(0, 20).replace(/\W+/g, '-')}`);
});

async function password(page) {
  const { email, password } = clinic.demo.owner;
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function signOut(page) {
  await page.locator('.logged-user').click();
  await page.getByRole('button', { name: 'Logout' }).click();
  await page.getByRole('heading', { name: 'Owner sign in' }).waitFor();
}

let secret;

test('the owner signs in on the page of their own and sets up an authenticator app', async () => {
  const { page } = owner;
  await page.goto(clinic.url + '/_/#/login'); // the dashboard's own page stands no more
  await page.getByRole('heading', { name: 'Staff sign in' }).waitFor();
  await page.getByRole('link', { name: 'Owner sign in' }).click();
  await page.getByRole('heading', { name: 'Owner sign in' }).waitFor();
  await shot(page, 'owner-login-1280');
  await accessible(page, "the owner's sign-in");
  await password(page);
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await page.locator('.logged-user').click();
  await page.getByRole('link', { name: 'Your sign-in' }).click();
  await page.getByRole('heading', { name: 'Second step' }).waitFor();
  await page.getByText('(this one)').first().waitFor();
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  const dialog = page.getByRole('dialog');
  secret = (await dialog.locator('code').textContent()).replaceAll(' ', '');
  await dialog.getByLabel('Code from the app').fill(await clinic.totp(secret));
  await dialog.getByRole('button', { name: 'Turn it on' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByText('10 codes left').first().waitFor();
  await shot(page, 'owner-yours-1280');
  await accessible(page, "the owner's own page");
  await fits(page, "the owner's own page");
});

test('the password alone opens nothing; the code does', async () => {
  const { page } = owner;
  await signOut(page);
  await password(page);
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  await shot(page, 'owner-second-step-1280');
  await page.getByLabel('Code from your app').fill('000000');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Code from your app').fill(await clinic.totp(secret));
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await page.goto(clinic.url + '/_/#/settings');
  await page.getByText('Application').first().waitFor();
  assert.deepEqual(owner.complaints.filter(c => !/401/.test(c)), []);
});

test("another owner is made only after a fresh proof, in the dashboard's own form", async () => {
  const { page } = owner;
  await clinic.advance(11 * 60);
  await page.goto(clinic.url + '/_/#/collections?collection=_superusers');
  await page.getByRole('button', { name: /New/ }).first().click();
  await page.locator('input[type=email]').fill('second.owner@clinic.example');
  await page.locator('input[type=password]').nth(0).fill('Six-Green-Lanterns-7');
  await page.locator('input[type=password]').nth(1).fill('Six-Green-Lanterns-7');
  await page.getByRole('button', { name: /^(Create|Save)/ }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Is it still you?' });
  await dialog.waitFor();
  await shot(page, 'owner-proof-1280');
  await dialog.getByLabel('Password').fill(clinic.demo.owner.password);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByLabel('Code from your app').fill(await clinic.totp(secret));
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('second.owner@clinic.example').first().waitFor();
});

test('before the idle limit the owner is warned, and after it signed out', async () => {
  const { page } = owner;
  await clinic.advance(13 * 60 + 30);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('alertdialog').waitFor();
  await shot(page, 'owner-idle-1280');
  await clinic.advance(2 * 60);
  await page.getByRole('heading', { name: 'Owner sign in' }).waitFor();
  await page.getByText('You were signed out. Sign in again to go on.').waitFor();
});

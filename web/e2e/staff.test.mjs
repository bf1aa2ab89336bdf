// Who works at the clinic: their own sign-in with a second step, and the logins of clients that they look after.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, openClinic, person, shot, signIn, staffSignIn } from './clinic.mjs';

let clinic;
let ruth; // an administrator
let sam; // at the front desk
const login = role => clinic.demo.staff.find(s => s.role === role);

before(async () => {
  clinic = await openClinic();
  ruth = await person(clinic);
  sam = await person(clinic, { width: 768, height: 1024, dark: true });
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ ruth, sam })) await shot(p.page, `failed-staff-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

/** The six digits of an authenticator app (RFC 6238), `later` steps from now. */
function code(secret, later = 0) {
  const bits = [...secret].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const said = (page, words) => page.getByText(words).first().waitFor();

async function openAccount(page, name) {
  await page.goto(clinic.url + '/_/#/portal-accounts');
  await page.getByRole('button', { name, exact: true }).click();
  return page.getByRole('dialog', { name });
}

async function decide(page, name, act, yes, reason = 'Asked for on the phone') {
  await (await openAccount(page, name)).getByRole('button', { name: act, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill(reason);
  await dialog.getByRole('button', { name: yes, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function staffSignOut(page) {
  await page.locator('.logged-user').click();
  await page.getByRole('button', { name: 'Logout' }).click();
  await page.getByRole('heading', { name: 'Staff sign in' }).waitFor();
}

let secret;
let recovery;
let spent; // the code that turned it on

test('an administrator sets up an authenticator app and gets recovery codes once', async () => {
  const { page } = ruth;
  await staffSignIn(page, clinic, login('admin'));
  await page.locator('.logged-user').click();
  await page.getByRole('link', { name: 'Your sign-in' }).click();
  await page.getByRole('heading', { name: 'Second step' }).waitFor();
  await said(page, '(this one)');
  await shot(page, 'yours-1280-light');
  await accessible(page, 'your sign-in');
  await fits(page, 'your sign-in');
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('img', { name: /QR code/ }).waitFor();
  secret = (await dialog.locator('code').textContent()).replaceAll(' ', '');
  await shot(page, 'yours-totp-1280');
  await accessible(page, 'the authenticator dialog');
  await dialog.getByLabel('Code from the app').fill('000000');
  await dialog.getByRole('button', { name: 'Turn it on' }).click();
  await dialog.getByRole('alert').waitFor();
  spent = code(secret);
  await dialog.getByLabel('Code from the app').fill(spent);
  await dialog.getByRole('button', { name: 'Turn it on' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  recovery = await page.locator('.desk-codes li').allTextContents();
  assert.equal(recovery.length, 10);
  await accessible(page, 'recovery codes');
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await said(page, '10 codes left');
  await page.getByText(recovery[0]).waitFor({ state: 'detached' }); // they are shown once
});

async function password(page, role = 'admin') {
  const { email, password } = login(role);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('she signs out and in with a code; a wrong one and a spent one open nothing; the computer is remembered', async () => {
  const { page } = ruth;
  await staffSignOut(page);
  await password(page);
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  await shot(page, 'staff-second-step-1280');
  await accessible(page, 'the second step');
  for (const wrong of ['123456', spent]) {
    await page.getByLabel('Code from your app').fill(wrong);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await said(page, 'That code isn’t right'.replace('’', "'"));
    await page.waitForFunction(() => document.activeElement.value === ''); // the field is empty and has the focus
  }
  await page.getByLabel('Code from your app').fill(code(secret, 1)); // of a step after the spent one
  await page.getByLabel(/Don't ask again/).check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await staffSignOut(page);
  await password(page);
  await page.getByRole('heading', { name: 'Requests' }).waitFor(); // nobody asked for a code
});

test('a recovery code opens once, on another computer; a waiting step that is too old starts again', async () => {
  const other = await person(clinic, { dark: true });
  const { page } = other;
  await page.goto(clinic.url + '/_/#/staff-login');
  await password(page);
  await page.getByRole('radio', { name: 'Recovery code' }).check({ force: true });
  await shot(page, 'staff-second-step-dark');
  await accessible(page, 'the second step in the dark');
  await page.getByLabel('One of your recovery codes').fill(recovery[0].toLowerCase());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await staffSignOut(page);
  await password(page);
  await page.getByRole('radio', { name: 'Recovery code' }).check({ force: true });
  await page.getByLabel('One of your recovery codes').fill(recovery[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await clinic.advance(6 * 60);
  await page.getByLabel('One of your recovery codes').fill(recovery[1]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await said(page, 'That took too long. Start again.');
  await page.getByLabel('Password').waitFor();
  assert.deepEqual(other.complaints, []);
  await other.context.close();
});

test('what matters asks for a fresh proof; a passkey signs in without a password', async () => {
  // addresses of numbers have no passkeys
  const at = { ...clinic, url: clinic.url.replace('127.0.0.1', 'localhost') };
  const { page, context, complaints } = await person(at);
  const wire = await context.newCDPSession(page);
  await wire.send('WebAuthn.enable');
  await wire.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await page.goto(at.url + '/_/#/staff-login');
  await password(page);
  await page.getByRole('radio', { name: 'Recovery code' }).check({ force: true });
  await page.getByLabel('One of your recovery codes').fill(recovery[2]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  await clinic.advance(11 * 60);
  await page.goto(at.url + '/_/#/your-sign-in');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('The desk');
  await page.getByRole('button', { name: 'Go on' }).click();
  const proof = page.getByRole('dialog', { name: 'Is it still you?' });
  await proof.getByLabel('Your password').fill('Not-The-Password-1');
  await proof.getByRole('button', { name: 'Continue' }).click();
  await proof.getByRole('alert').waitFor();
  await shot(page, 'still-you-1280');
  await accessible(page, 'the question whether it is still you');
  await proof.getByLabel('Your password').fill(login('admin').password);
  await proof.getByRole('button', { name: 'Continue' }).click();
  await proof.getByRole('radio', { name: 'Recovery code' }).check({ force: true });
  await proof.getByLabel('One of your recovery codes').fill(recovery[3]);
  await proof.getByRole('button', { name: 'Continue' }).click();
  await said(page, 'The passkey is added.');
  await page.getByText('The desk', { exact: true }).waitFor();
  await staffSignOut(page);
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a clinician uses email codes, sees where she is signed in, ends it there, and turns the codes off', async () => {
  const who = login('clinician');
  const ana = await person(clinic, { width: 768, height: 1024 });
  const elsewhere = await person(clinic);
  const mailed = async () => (await clinic.mail(who.email, m => /\b\d{3} ?\d{3}\b/.test(m.text))).text.match(/\b(\d{3}) ?(\d{3})\b/).slice(1).join('');
  const newCode = async old => {
    for (let i = 0; i < 40; i++) {
      const now = await mailed();
      if (now !== old) return now;
      await new Promise(r => setTimeout(r, 100));
    }
    throw new Error('no new code was mailed');
  };
  const { page } = ana;
  await staffSignIn(page, clinic, who);
  await page.goto(clinic.url + '/_/#/your-sign-in');
  await page.getByRole('button', { name: 'Use email codes' }).click();
  const first = await mailed();
  await page.getByLabel('Code from the email').fill(first);
  await page.getByRole('button', { name: 'Turn it on' }).click();
  await page.getByRole('button', { name: 'I have kept them' }).click();

  const there = elsewhere.page;
  await there.goto(clinic.url + '/_/#/staff-login');
  await password(there, 'clinician');
  await there.getByRole('button', { name: 'Send the code' }).click();
  await said(there, 'We sent a code.');
  const second = await newCode(first);
  await shot(there, 'staff-email-code-1280');
  await accessible(there, 'the code by email');
  await there.getByLabel('Code from the email').fill(second);
  await there.getByRole('button', { name: 'Sign in' }).click();
  await there.getByRole('heading', { name: 'Front desk' }).waitFor();

  await page.reload();
  await page.getByRole('button', { name: /^Sign out Chrome/ }).click();
  await said(page, 'Signed out there.');
  await said(there, 'You were signed out. Sign in again to go on.');

  await page.getByRole('button', { name: 'Turn off: Email code' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Your password').fill(who.password);
  await dialog.getByRole('button', { name: 'Turn it off' }).click();
  await dialog.getByRole('button', { name: 'Send the code' }).click();
  await dialog.getByLabel('Code from the email').fill(await newCode(second));
  await dialog.getByRole('button', { name: 'Turn it off' }).click();
  await said(page, 'Only your password protects your sign-in now.');
  for (const p of [ana, elsewhere]) {
    assert.deepEqual(p.complaints, []);
    await p.context.close();
  }
});

test('the front desk suspends and resumes an account; its person is out and in again', async () => {
  const { page } = sam;
  await staffSignIn(page, clinic, login('front_desk'));
  await page.goto(clinic.url + '/_/#/portal-accounts');
  await page.getByRole('button', { name: 'Maya Okafor', exact: true }).waitFor();
  await shot(page, 'accounts-768-dark');
  await accessible(page, 'portal accounts');
  await fits(page, 'portal accounts');
  const maya = clinic.demo.clients[0];
  const hers = await person(clinic, { width: 390, height: 844 });
  await signIn(hers.page, clinic, maya);

  await (await openAccount(page, 'Maya Okafor')).waitFor();
  await shot(page, 'account-768-dark');
  await accessible(page, 'an account');
  await page.keyboard.press('Escape');
  await decide(page, 'Maya Okafor', 'Suspend', 'Suspend');
  await said(page, 'The account of Maya Okafor is suspended.');
  await page.getByRole('row', { name: /Maya Okafor/ }).getByText('Suspended').waitFor();
  await hers.page.waitForURL('**/signed-out**', { timeout: 20_000 });
  await clinic.mail(maya.email);

  await decide(page, 'Maya Okafor', 'Resume', 'Resume');
  await page.getByRole('row', { name: /Maya Okafor/ }).getByText('Active').waitFor();
  await signIn(hers.page, clinic, maya);
  await decide(page, 'Maya Okafor', 'Sign out everywhere', 'Sign out everywhere');
  await hers.page.waitForURL('**/signed-out**', { timeout: 20_000 });
  await hers.context.close();
});

test('wrong passwords pause an account and the front desk opens it; an access ends', async () => {
  const { page } = sam;
  const jordan = clinic.demo.clients[2];
  for (let i = 0; i < 6; i++) {
    await fetch(clinic.url + '/api/v1/portal/auth/login', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: jordan.email, password: `Wrong-Guess-${i}` }),
    });
  }
  await page.reload();
  const row = page.getByRole('row', { name: /Jordan Ellis/ });
  await row.getByText('Paused after wrong passwords').waitFor();
  await decide(page, 'Jordan Ellis', 'Unlock', 'Unlock');
  await said(page, 'Jordan Ellis can sign in again.');
  await row.getByText('Paused').waitFor({ state: 'detached' });

  const panel = await openAccount(page, 'Jordan Ellis');
  await panel.getByRole('button', { name: 'End access to Leo Ellis' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('Leo is of age');
  await dialog.getByRole('button', { name: 'End access', exact: true }).click();
  await said(page, 'Jordan Ellis no longer has access to Leo Ellis.');
  await row.getByText('Leo Ellis').waitFor({ state: 'detached' });

  await page.getByRole('searchbox', { name: 'Search by name or email' }).fill('nobody like that');
  await said(page, 'Nobody fits.');
  await page.getByRole('searchbox', { name: 'Search by name or email' }).fill('dan');
  await page.getByRole('button', { name: 'Daniel Kim', exact: true }).waitFor();
  await page.getByRole('searchbox', { name: 'Search by name or email' }).fill('');
  await row.waitFor();
});

test('second steps are reset only after saying how one made sure who asks', async () => {
  const { page } = sam;
  await (await openAccount(page, 'Daniel Kim')).getByRole('button', { name: 'Reset second steps' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('Lost his phone');
  await dialog.getByRole('button', { name: 'Reset second steps' }).click();
  await dialog.waitFor(); // without an answer nothing is sent
  await dialog.getByRole('radio', { name: /called back/ }).check({ force: true });
  await shot(page, 'reset-768-dark');
  await accessible(page, 'resetting second steps');
  await dialog.getByRole('button', { name: 'Reset second steps' }).click();
  await said(page, 'The second steps of Daniel Kim are removed.');
  const panel = await openAccount(page, 'Daniel Kim');
  await panel.getByText('Lost his phone').waitFor(); // why is kept, for whoever asks next
  await panel.getByText(/by Sam .*I called back/).waitFor();
  await shot(page, 'account-history-768-dark');
  await accessible(page, 'the history of an account');
  await page.keyboard.press('Escape');
});

test('the front desk invites a client, sends it again and revokes it; what it may not give is refused in words', async () => {
  const { page } = sam;
  const grace = clinic.demo.unregistered[0];
  await page.goto(clinic.url + '/_/#/portal-accounts');
  const fill = async () => {
    await page.getByRole('button', { name: 'Invite somebody' }).click();
    await page.getByLabel('Find the client').fill('gra liu');
    await page.getByRole('radio', { name: /Grace Liu/ }).check({ force: true });
  };
  await fill();
  assert.equal(await page.getByLabel('Their email').inputValue(), grace.email);
  await shot(page, 'invite-768-dark');
  await accessible(page, 'the invitation');
  await page.getByLabel('Who is invited?').selectOption('guardian');
  await page.getByLabel('Their email').fill('aunt@mail.example');
  await page.getByRole('button', { name: 'Send the invitation', exact: true }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await fill();
  await page.getByRole('button', { name: 'Send the invitation', exact: true }).click();
  await said(page, `The invitation is on its way to ${grace.email}.`);
  const invitations = page.getByRole('complementary', { name: 'Open invitations' });
  await invitations.getByText('for Grace Liu').waitFor();
  await clinic.mail(grace.email, m => /\/invitation\?token=/.test(m.text));
  await invitations.getByRole('button', { name: `Send the invitation to ${grace.email} again` }).click();
  await invitations.getByText('sent 2 times').waitFor();
  await shot(page, 'invitations-768-dark');
  await invitations.getByRole('button', { name: `Revoke the invitation of ${grace.email}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await invitations.getByText('for Grace Liu').waitFor({ state: 'detached' });
});

test('whom the clinic asks for a new password gets nowhere before choosing one', async () => {
  const { email, password, id } = login('billing');
  const owner = clinic.demo.owner;
  const json = { 'Content-Type': 'application/json' };
  const { token } = await fetch(`${clinic.url}/api/collections/_superusers/auth-with-password`, {
    method: 'POST', headers: json, body: JSON.stringify({ identity: owner.email, password: owner.password }),
  }).then(r => r.json());
  const asked = await fetch(`${clinic.url}/api/collections/staff/records/${id}`, {
    method: 'PATCH', headers: { ...json, Authorization: token }, body: JSON.stringify({ force_password_change: true }),
  });
  assert.equal(asked.status, 200, await asked.text());
  const { page, context, complaints } = await person(clinic, { width: 768, height: 1024 });
  await page.goto(clinic.url + '/_/#/staff-login');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  await page.goto(clinic.url + '/_/#/collections');
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  await page.waitForTimeout(500);
  await shot(page, 'new-password-768-light');
  await accessible(page, 'the forced change of password');
  await page.getByLabel('Current password').fill(password);
  await page.getByLabel('New password', { exact: true }).fill('short');
  await page.getByLabel('New password, once more').fill('short');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('New password', { exact: true }).fill('Six-Green-Lanterns-7');
  await page.getByLabel('New password, once more').fill('Six-Green-Lanterns-7');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByRole('heading', { name: 'Front desk' }).waitFor();
  await page.goto(clinic.url + '/_/#/your-sign-in');
  await said(page, '(this one)'); // the session goes on with the new password
  await shot(page, 'yours-768-light');
  await fits(page, 'your sign-in at 768');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('other roles are not offered portal accounts', async () => {
  const ana = await person(clinic);
  await staffSignIn(ana.page, clinic, login('clinician'));
  assert.equal(await ana.page.getByRole('link', { name: 'Portal accounts' }).count(), 0);
  await ana.page.goto(clinic.url + '/_/#/portal-accounts');
  await said(ana.page, 'Portal accounts are not part of your role.');
  await accessible(ana.page, 'a page that is not part of the role');
  await ana.context.close();
});

test('who works on is not signed out with the hour of a token', async () => {
  const { page } = sam;
  for (const state of ['active', 'suspended', '']) {
    await clinic.advance(12 * 60);
    const answered = page.waitForResponse(r => /desk\/portal-users/.test(r.url()));
    await page.getByLabel('State', { exact: true }).selectOption(state);
    assert.equal((await answered).status(), 200);
  }
  const renewed = page.waitForResponse(r => /staff\/auth-refresh/.test(r.url()));
  await page.keyboard.press('Shift'); // somebody is there
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // looks at once instead of within 30 seconds
  assert.equal((await renewed).status(), 200);
  await page.getByRole('button', { name: 'Daniel Kim', exact: true }).waitFor();
});

test('before silence ends the session a warning asks; staying stays, and the end signs out', async () => {
  const { page } = sam;
  const soon = async route => {
    const answer = await route.fetch();
    const body = await answer.json();
    body.data.session.idleExpiresAt = new Date(Date.parse(answer.headers().date) + 70_000).toISOString(); // by the clinic's clock
    await route.fulfill({ response: answer, json: body });
  };
  await page.route('**/auth/session', soon);
  await page.reload();
  const warning = page.getByRole('alertdialog', { name: 'Are you still there?' });
  await warning.waitFor();
  await shot(page, 'staff-idle-768-dark');
  await accessible(page, 'the warning before silence ends the session');
  await page.unroute('**/auth/session', soon);
  await warning.getByRole('button', { name: 'Stay signed in' }).click();
  await warning.waitFor({ state: 'detached' });
  await clinic.advance(16 * 60);
  await page.reload();
  await said(page, 'You were signed out. Sign in again to go on.');
});

test('nothing complained', () => {
  assert.deepEqual(ruth.complaints, []);
  assert.deepEqual(sam.complaints, []);
});

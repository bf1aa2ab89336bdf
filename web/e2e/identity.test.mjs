// How people get in, prove who they are, let others in and leave: the whole of it in a browser, as they do it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { fits, look, openClinic, person, shot, speak } from './clinic.mjs';

let clinic;
let maya, daniel, jordan, tomas, elena; // as the demo knows them
const open = {}; // whose browsers are open, by name

before(async () => {
  clinic = await openClinic();
  [maya, daniel, jordan, tomas] = clinic.demo.clients;
  elena = { ...clinic.demo.unregistered[2], password: 'Quiet-Harbour-42' };
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  if (t.passed !== false && !t.error) return;
  for (const [who, { page }] of Object.entries(open)) if (!page.isClosed()) await shot(page, `failed-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

async function browserOf(name, options) {
  return (open[name] = await person(clinic, options));
}
async function leave(name) {
  const { context, complaints } = open[name];
  delete open[name];
  assert.deepEqual(complaints, [], `what ${name}'s page complained about`);
  await context.close();
}

const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });
const heading = (page, name) => page.getByRole('heading', { name }).first();
const says = (page, text) => page.getByText(text).first();
const dialog = (page, name) => page.getByRole('dialog', { name });
const go = (p, path) => p.page.goto(p.url + path);
const secureAt = async p => {
  await go(p, '/settings/security');
  await heading(p.page, 'How you sign in').waitFor();
};

/** What is asked first; what comes then is the account's. */
async function enter(p, { email, password }, { remember = false } = {}) {
  await go(p, '/login');
  await p.page.locator('input[type=email]').fill(email);
  await p.page.locator('input[type=password]').fill(password);
  if (remember) await p.page.getByRole('checkbox', { name: /Remember this device/ }).check();
  await p.page.locator('button[type=submit]').click();
}
const isIn = p => p.page.waitForURL('**/dashboard');
async function signOut({ page, url }) {
  await page.goto(url + '/profile');
  await button(page, 'Sign out').last().click();
  await page.waitForURL('**/signed-out**');
}

const sixDigits = text => text.match(/\b(\d{3}) ?(\d{3})\b/).slice(1).join('');
const mails = () => fetch(`${clinic.url}/dev/mail?limit=1000`).then(r => r.json());
/** What was sent already: a mail that comes after it is not in it. */
const sent = async () => new Set((await mails()).map(m => m.id));
const newMail = (to, before, about = /./) => clinic.mail(to, m => !before.has(m.id) && about.test(m.subject));
const linkIn = (mail, path) => mail.text.match(new RegExp(`${path.replaceAll('/', '\\/')}\\?token=[^\\s]+`))[0];
const born = async (page, day) => {
  const [y, m, d] = day.split('-');
  await page.getByLabel('Month').fill(m);
  await page.getByLabel('Day').fill(d);
  await page.getByLabel('Year').fill(y);
};

let secret;
let recovery;

test('1. an authenticator app is set up, and asked for', async () => {
  const p = await browserOf('maya');
  const { page } = p;
  await enter(p, maya);
  await isIn(p);
  await secureAt(p);
  await look(p, 'security-plain');
  await page.getByRole('link', { name: 'Set up: Authenticator app' }).click();
  await look(p, 'totp-start');
  await button(page, 'Show my code to scan').click();
  secret = (await page.getByLabel('Key', { exact: true }).textContent()).replace(/\s/g, '');
  assert.match(secret, /^[A-Z2-7]{32}$/);
  await page.getByLabel('Code from the app').fill('000000');
  await button(page, 'Turn it on').click();
  await says(page, 'That code isn’t right').waitFor();
  await look(p, 'totp-scan');
  await page.getByLabel('Code from the app').fill(await clinic.totp(secret));
  await button(page, 'Turn it on').click();
  await heading(page, 'Save your recovery codes').waitFor();
  await button(page, 'Done').click();
  await says(page, 'Save the codes, then check this box').waitFor();
  await look(p, 'recovery-codes');
  const saved = page.waitForEvent('download');
  await button(page, 'Download').click();
  const file = readFileSync(await (await saved).path(), 'utf8');
  recovery = file.match(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$/gm);
  assert.equal(recovery.length, 10, file);
  await page.getByRole('checkbox', { name: 'I have saved my recovery codes' }).check();
  await button(page, 'Done').click();
  await says(page, 'On: authenticator app').waitFor();
  await says(page, '10 codes left').waitFor();
  await look(p, 'security-totp');
  await signOut(p);

  await enter(p, maya);
  await heading(page, 'One more step').waitFor();
  await page.getByLabel('Code', { exact: true }).fill('000000');
  await says(page, 'That code isn’t right').waitFor();
  await look(p, 'factor-totp');
  await page.getByLabel('Code', { exact: true }).fill(await clinic.totp(secret));
  await isIn(p);
  await signOut(p);

  await enter(p, maya);
  await button(page, 'Choose another way').click();
  await look(p, 'factor-ways');
  await button(page, 'Use a recovery code').click();
  await page.getByLabel('Code', { exact: true }).fill(recovery[0].toLowerCase());
  await look(p, 'factor-recovery');
  await button(page, 'Go on').click();
  await isIn(p);
  await signOut(p);
});

test('1. a remembered device is not asked again, until it is forgotten', async () => {
  const p = open.maya;
  const { page } = p;
  await enter(p, maya, { remember: true });
  await page.getByLabel('Code', { exact: true }).fill(await clinic.totp(secret));
  await isIn(p);
  await signOut(p);
  await enter(p, maya);
  await isIn(p);
  await secureAt(p);
  await says(page, '9 codes left').waitFor();
  await heading(page, 'Devices that skip the second step').waitFor();
  await look(p, 'security-remembered');
  await button(page, /^Forget /).click();
  await heading(page, 'Devices that skip the second step').waitFor({ state: 'detached' });
  await signOut(p);
  await enter(p, maya);
  await heading(page, 'One more step').waitFor();
  await page.getByLabel('Code', { exact: true }).fill(await clinic.totp(secret));
  await isIn(p);
});

const phone = '(303) 555-0177';
const dialled = '+13035550177';

test('2. codes by email and by text; what is on is turned off by any of them', async () => {
  const p = open.maya;
  const { page } = p;
  let before = await sent();
  await secureAt(p);
  await page.getByRole('link', { name: 'Set up: Code by email' }).click();
  await button(page, 'Send me a code').click();
  const mailed = await newMail(maya.email, before, /code/i);
  await look(p, 'email-code');
  await page.getByLabel('Code from the email').fill(sixDigits(mailed.text));
  await button(page, 'Turn it on').click();
  await says(page, 'code by email').waitFor();

  await page.getByRole('link', { name: 'Set up: Text message' }).click();
  await page.getByLabel('Mobile number').fill('12');
  await button(page, 'Send me a code').click();
  await says(page, 'doesn’t look like a number').waitFor();
  await look(p, 'sms-number');
  await page.getByLabel('Mobile number').fill(phone);
  await button(page, 'Send me a code').click();
  const texted = await clinic.text(dialled);
  await look(p, 'sms-code');
  await page.getByLabel('Code from the text').fill(sixDigits(texted.text));
  await button(page, 'Turn it on').click();
  await says(page, /^On: authenticator app, .+, and .+/).waitFor();
  await look(p, 'security-three');

  await button(page, 'Turn off: Authenticator app').click();
  await look(p, 'off-password');
  await page.getByLabel('Your password', { exact: true }).fill('Wrong-Harbour-43');
  await button(page, 'Continue').click();
  await says(page, 'That is not your password').waitFor();
  await page.getByLabel('Your password', { exact: true }).fill(maya.password);
  await button(page, 'Continue').click();
  await page.getByLabel('Code', { exact: true }).fill(await clinic.totp(secret));
  await look(p, 'off-code');
  await dialog(page, 'Turn off the authenticator app?').getByRole('button', { name: 'Turn off', exact: true }).click();
  await says(page, /^On: (text message and code by email|code by email and text message)$/).waitFor();

  // nothing is left that shows codes by itself: one is sent
  await button(page, 'Turn off: Text message').click();
  await page.getByLabel('Your password', { exact: true }).fill(maya.password);
  before = await sent();
  await button(page, 'Continue').click();
  await says(page, 'We sent a 6-digit code to your email').waitFor();
  await look(p, 'off-sent');
  await button(page, 'Choose another way').click();
  await button(page, /^Get a code by text/).click();
  await says(page, 'We sent a 6-digit code to your phone').waitFor();
  await page.getByLabel('Code', { exact: true }).fill(sixDigits((await clinic.text(dialled, 1)).text));
  await dialog(page, 'Turn off codes by text?').getByRole('button', { name: 'Turn off', exact: true }).click();
  await page.getByText('On: code by email').waitFor();

  await signOut(p);
  await clinic.advance(16 * 60); // five codes in a quarter of an hour are enough for anybody
  before = await sent();
  await enter(p, maya);
  await says(page, 'We sent a 6-digit code to your email').waitFor();
  await look(p, 'factor-email');
  await page.getByLabel('Code', { exact: true }).fill(sixDigits((await newMail(maya.email, before, /code/i)).text));
  await isIn(p);
  await secureAt(p);
  await button(page, 'Turn off: Code by email').click();
  await says(page, 'Then only your password protects your account').waitFor();
  await page.getByLabel('Your password', { exact: true }).fill(maya.password);
  before = await sent();
  await button(page, 'Continue').click();
  await page.getByLabel('Code', { exact: true }).fill(sixDigits((await newMail(maya.email, before, /code/i)).text));
  await dialog(page, 'Turn off codes by email?').getByRole('button', { name: 'Turn off', exact: true }).click();
  await says(page, 'Only your password protects your').waitFor();
});

test('2. a number takes texts once a code has shown that it is hers', async () => {
  const p = open.maya;
  const { page } = p;
  await go(p, '/profile');
  await heading(page, /Texts|Text messages/).waitFor();
  await look(p, 'profile-phone');
  await button(page, /another number|Add a mobile/i).first().click();
  await page.getByLabel('Mobile number').fill('(303) 555-0178');
  await button(page, 'Send me a code').click();
  const texted = await clinic.text('+13035550178');
  await look(p, 'profile-phone-code');
  await page.getByLabel(/^Code/).fill(sixDigits(texted.text));
  await page.getByLabel(/^Code/).press('Enter');
  await says(page, /^Texts about visits go to .*0178/).waitFor();
  await leave('maya');
});

/** A device that is touched at once may answer the e-mail field's offer before the button is pressed: either way will do. */
const pressed = page => button(page, 'Use a passkey').click({ timeout: 1500 }).catch(() => {});

test('3. a passkey is added, named, signs her in without a word typed, and is removed', async () => {
  const p = await browserOf('key', { url: clinic.named });
  const { page } = p;
  const cdp = await p.context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const touch = enabled => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
  await enter(p, maya);
  await isIn(p);
  await secureAt(p);
  await button(page, 'Add a passkey').click();
  const add = dialog(page, 'Add a passkey');
  await add.getByLabel('Name').fill('Kitchen laptop');
  await look(p, 'passkey-add');
  await add.getByRole('button', { name: 'Add a passkey' }).click();
  await says(page, 'Kitchen laptop').waitFor();
  await button(page, 'Rename Kitchen laptop').click();
  await dialog(page, 'Rename this passkey').getByLabel('Name').fill('Study laptop');
  await look(p, 'passkey-rename');
  await button(page, 'Save').click();
  await says(page, 'Study laptop').waitFor();
  await look(p, 'security-passkey');
  await touch(false); // or the browser offers it by itself before the page was looked at
  await signOut(p);
  await go(p, '/login');
  await heading(page, /Sign in to/).waitFor();
  await touch(true);
  await pressed(page);
  await isIn(p);
  await secureAt(p);
  await says(page, /last used/).waitFor();
  await button(page, 'Remove Study laptop').click();
  await look(p, 'passkey-remove');
  await dialog(page, /Remove “Study laptop”/).getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('Study laptop').first().waitFor({ state: 'detached' });
  await touch(false);
  await signOut(p);
  await go(p, '/login');
  await heading(page, /Sign in to/).waitFor();
  await look(p, 'login-passkey-first');
  await touch(true);
  await pressed(page); // the device still has it; the clinic knows it no more
  await says(page, 'We don’t know that passkey').waitFor();
  await look(p, 'passkey-unknown');
  await leave('key');
});

test('4. a link by mail signs her in where she opens it, a code where she asked', async () => {
  const p = await browserOf('jordan');
  const { page } = p;
  let before = await sent();
  await go(p, '/login');
  await button(page, 'Email me a link').click();
  await says(page, 'Enter an email address').waitFor();
  await look(p, 'login-no-email');
  await page.getByLabel('Email').fill(jordan.email);
  await button(page, 'Email me a link').click();
  await heading(page, 'Check your email').waitFor();
  await look(p, 'link-sent');
  let mail = await newMail(jordan.email, before);
  const phone = await browserOf('phone', { width: 390, height: 844 });
  for (let i = 0; i < 2; i++) {
    await phone.page.goto(phone.url + linkIn(mail, '/sign-in/link')); // a mail scanner opened it too
    await heading(phone.page, /Sign in to/).waitFor();
  }
  await look(phone, 'link-page');
  await button(phone.page, 'Sign in').click();
  await isIn(phone);
  await page.getByLabel('Code from the email').fill(sixDigits(mail.text));
  await button(page, 'Sign in').click();
  await says(page, 'That code isn’t right').waitFor(); // one mail, one sign-in
  await go(p, '/login');
  before = await sent();
  await page.getByLabel('Email').fill(jordan.email);
  await button(page, 'Email me a link').click();
  mail = await newMail(jordan.email, before);
  await page.getByLabel('Code from the email').fill(sixDigits(mail.text));
  await button(page, 'Sign in').click();
  await isIn(p);
  await leave('phone');

  const late = await browserOf('late');
  await late.page.goto(late.url + linkIn(mail, '/sign-in/link'));
  await button(late.page, 'Sign in').click();
  await says(late.page, 'This link has been used or is too old').waitFor();
  await look(late, 'link-dead');
  before = await sent();
  await button(late.page, 'Send a new link').click();
  await heading(late.page, 'Check your email').waitFor();
  await look(late, 'link-fresh');
  mail = await newMail(jordan.email, before);
  await late.page.goto(late.url + linkIn(mail, '/sign-in/link'));
  await button(late.page, 'Sign in').click();
  await isIn(late);
  await leave('late');
});

test('4. a link is one step; whoever has two is asked the other, in Spanish on a dark phone', async () => {
  const p = await browserOf('tomas', { width: 320, height: 640, locale: 'es-MX', dark: true });
  const { page } = p;
  const before = await sent();
  await go(p, '/login');
  await page.getByLabel('Correo electrónico').fill(tomas.email);
  await button(page, 'Enviarme un enlace por correo').click();
  await heading(page, 'Revise su correo').waitFor();
  const mail = await newMail(tomas.email, before);
  assert.match(mail.subject, /enlace/);
  await page.goto(p.url + linkIn(mail, '/sign-in/link'));
  await button(page, 'Entrar').click();
  await heading(page, 'Un paso más').waitFor();
  await shot(page, 'id-factor-link-es');
  await page.getByLabel('Código', { exact: true }).fill(await clinic.totp(tomas.mfa.totpSecret));
  await isIn(p);
  await leave('tomas');
});

test('5. from a list of devices one is signed out, then all others; their pages go by themselves', async () => {
  const p = await browserOf('daniel');
  const { page } = p;
  await enter(p, daniel);
  await isIn(p);
  const other = await browserOf('other', { width: 390, height: 844 });
  const gone = async who => {
    await who.page.waitForURL('**/signed-out?reason=ended**', { timeout: 2000 });
    await says(who.page, 'We signed you out').waitFor();
  };
  await enter(other, daniel);
  await isIn(other);
  await secureAt(p);
  await says(page, 'In 2 places').waitFor();
  await button(page, /^Sign out .+ on /).click();
  await look(p, 'device-sign-out');
  await dialog(page, /^Sign out /).getByRole('button', { name: 'Sign out', exact: true }).click();
  await gone(other);
  await look(other, 'signed-out-ended');
  await says(page, 'Only on this device').waitFor();

  const third = await browserOf('third');
  for (const who of [other, third]) {
    await enter(who, daniel);
    await isIn(who);
  }
  await secureAt(p);
  await button(page, 'Sign out everywhere else').click();
  await dialog(page, 'Sign out everywhere else?').getByRole('button', { name: 'Sign out everywhere else' }).click();
  await Promise.all([gone(other), gone(third)]);
  await says(page, 'Only on this device').waitFor();
  await leave('third');
});

test('6. another email, with a code from both; another password; elsewhere it ends', async () => {
  const p = open.daniel;
  const { page } = p;
  const { other } = open;
  await enter(other, daniel);
  await isIn(other);
  await go(p, '/settings/security/email');
  await page.getByLabel('New email').fill('nonsense');
  await button(page, 'Send the codes').click();
  await says(page, 'Enter an email address').waitFor();
  await look(p, 'email-new');
  let before = await sent();
  await page.getByLabel('New email').fill('dan.kim@mail.example');
  await button(page, 'Send the codes').click();
  const codeNew = page.getByLabel('Code from dan.kim@mail.example');
  const codeOld = page.getByLabel(`Code from ${daniel.email}`);
  const [toNew, toOld] = [await newMail('dan.kim@mail.example', before), await newMail(daniel.email, before)];
  await codeNew.fill(sixDigits(toOld.text));
  await codeOld.fill(sixDigits(toNew.text));
  await button(page, 'Change my email').click();
  await says(page, 'One of the codes isn’t right').waitFor();
  await look(p, 'email-codes');
  await codeNew.fill(sixDigits(toNew.text));
  await codeOld.fill(sixDigits(toOld.text));
  await button(page, 'Change my email').click();
  await says(page, 'You now sign in with dan.kim@mail.example').waitFor();
  daniel = { ...daniel, email: 'dan.kim@mail.example' };
  await other.page.waitForURL('**/signed-out?reason=ended**', { timeout: 2000 });

  await enter(other, daniel);
  await isIn(other);
  await go(p, '/settings/security/password');
  await page.getByLabel('Current password').fill('Wrong-Harbour-43');
  await page.getByLabel('New password').fill('Silver-Meadow-91');
  await button(page, 'Save the new password').click();
  await says(page, 'That is not your current password').waitFor();
  await look(p, 'password');
  await page.getByLabel('Current password').fill(daniel.password);
  before = await sent();
  await button(page, 'Save the new password').click();
  await says(page, 'Your password is changed').waitFor();
  daniel = { ...daniel, password: 'Silver-Meadow-91' };
  await newMail(daniel.email, before, /password/i);
  await other.page.waitForURL('**/signed-out?reason=ended**', { timeout: 2000 });
  await leave('other');
});

test('7. after eleven minutes it is asked whether it is still him; no changes nothing', async () => {
  const p = open.daniel;
  const { page } = p;
  await go(p, '/settings/security/codes/email');
  await button(page, 'Send me a code').waitFor();
  await clinic.advance(11 * 60);
  const before = await sent();
  await button(page, 'Send me a code').click();
  await dialog(page, 'Is it still you?').waitFor();
  await look(p, 'proof');
  await button(page, 'Cancel').click();
  await dialog(page, 'Is it still you?').waitFor({ state: 'detached' });
  assert.deepEqual((await mails()).filter(m => !before.has(m.id)), []);
  await button(page, 'Send me a code').click();
  await page.getByLabel('Your password', { exact: true }).fill('Wrong-Harbour-43');
  await button(page, 'Continue').click();
  await says(page, 'That is not your password').waitFor();
  await look(p, 'proof-wrong');
  await page.getByLabel('Your password', { exact: true }).fill(daniel.password);
  await button(page, 'Continue').click();
  await says(page, 'We sent a 6-digit code').waitFor();
  await newMail(daniel.email, before, /code/i);
});

test('8. an invitation makes a sign-in for whom the clinic asked', async () => {
  const p = await browserOf('elena');
  const { page } = p;
  const mail = await clinic.mail(elena.email, m => /invitation/i.test(m.subject));
  await page.goto(p.url + linkIn(mail, '/invitation'));
  await heading(page, 'Your invitation').waitFor();
  assert.doesNotMatch(page.url(), /token/);
  await look(p, 'invitation');
  await born(page, '1972-06-06');
  await page.getByLabel('Your first name').fill(elena.firstName);
  await page.getByLabel('Your last name').fill(elena.lastName);
  await page.getByLabel('Password', { exact: true }).fill(elena.password);
  await button(page, 'Accept and set up my access').click();
  await says(page, 'That date of birth doesn’t match').waitFor();
  await look(p, 'invitation-wrong');
  await born(page, elena.dateOfBirth);
  await button(page, 'Accept and set up my access').click();
  await isIn(p);
  await heading(page, /Elena/).waitFor();
  await signOut(p);
  await enter(p, elena);
  await isIn(p);
});

test('8. somebody with a sign-in of her own pays the bills of another, and sees nothing else', async () => {
  const his = open.daniel;
  await go(his, '/family');
  await his.page.getByRole('link', { name: 'Invite someone' }).click();
  await button(his.page, 'Send the invitation').click();
  await says(his.page, 'Choose who they are').waitFor();
  await look(his, 'invite-empty');
  let before = await sent();
  await his.page.getByLabel('Their email').fill(jordan.email);
  await his.page.getByRole('radio', { name: /Pays the bills/ }).check();
  await look(his, 'invite-billing');
  await button(his.page, 'Send the invitation').click();
  await says(his.page, jordan.email).waitFor();
  await look(his, 'family-invited');
  const mail = await newMail(jordan.email, before);
  assert.doesNotMatch(mail.text + mail.subject, /Kim/);

  const hers = await browserOf('hers', { width: 320, height: 640 });
  const { page } = hers;
  await page.goto(hers.url + linkIn(mail, '/invitation'));
  await says(page, 'You already have an account with this address').waitFor();
  await look(hers, 'invitation-has-login');
  await page.getByRole('link', { name: 'Sign in to accept' }).click();
  await page.getByLabel('Email').fill(jordan.email);
  await page.locator('input[type=password]').fill(jordan.password);
  await page.locator('button[type=submit]').click();
  await button(page, 'Accept the invitation').waitFor();
  await look(hers, 'invitation-join');
  await born(page, '1984-11-04');
  await button(page, 'Accept the invitation').click();
  await says(page, 'That date of birth doesn’t match').waitFor();
  await born(page, daniel.dateOfBirth);
  await button(page, 'Accept the invitation').click();
  await isIn(hers);
  await says(page, 'You are looking after Daniel’s care').waitFor();
  await look(hers, 'home-billing');
  for (const path of ['/dashboard', '/payments', '/notifications', '/profile', '/family', '/settings/security', '/settings/security/email', '/more', '/nowhere']) {
    await go(hers, path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const box = await button(page, 'Daniel, your menu').boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= 320 && box.y >= 0 && box.y < 640, `whose record it is, at ${path}`);
    if (path === '/payments') await says(page, /\$/).waitFor();
    if (['/payments', '/family'].includes(path)) await look(hers, `billing${path.replaceAll('/', '-')}`);
    else await fits(page, path);
  }
  const token = await page.evaluate(() => JSON.parse(localStorage.getItem('anteroom.auth')).token);
  const asHim = path => fetch(`${clinic.url}/api/v1/portal/${path}`, { headers: { Authorization: token, 'X-Client-Id': daniel.clientId } }).then(r => r.status);
  assert.equal(await asHim('invoices'), 200);
  for (const path of ['appointments', 'forms']) assert.notEqual(await asHim(path), 200, `${path} with bills only`);
  await go(hers, '/appointments');
  await says(page, 'isn’t shared with you').waitFor();
  await look(hers, 'billing-not-appointments');
  await go(hers, '/payments');
  await button(page, 'Daniel, your menu').click();
  await look(hers, 'switch-menu');
  await page.keyboard.press('Escape');

  await go(his, '/family');
  await button(his.page, /^End Jordan/).click();
  await look(his, 'access-end');
  await dialog(his.page, /^End Jordan/).getByRole('button', { name: 'End access' }).click();
  await says(his.page, 'Access ended').waitFor();
  assert.notEqual(await asHim('invoices'), 200);
  await button(page, 'Jordan, your menu').waitFor({ timeout: 2000 }); // nobody reloaded her page
  await look(hers, 'access-gone');
  await leave('hers');
  await leave('daniel');
  await leave('jordan');
});

test('9. what the desk does to an account, as its owner sees it', async () => {
  const p = open.elena;
  const { page } = p;
  const desk = await clinic.desk('admin');
  const found = await fetch(`${clinic.url}/dev/mail?limit=1`).then(r => r.ok); // the desk's own pages have tests of their own
  assert.ok(found);
  const id = await page.evaluate(() => JSON.parse(localStorage.getItem('anteroom.auth')).record.id);
  const out = () => page.waitForURL('**/signed-out?reason=ended**', { timeout: 2000 });
  await page.waitForTimeout(500);
  await desk(`portal-users/${id}/force-password-change`, { reason: 'Her purse was stolen' });
  await out();
  await enter(p, elena);
  await page.waitForURL('**/change-password**');
  await look(p, 'forced-password');
  await page.getByLabel('Current password').fill(elena.password);
  await page.getByLabel('New password').fill('Amber-Lantern-77');
  await button(page, 'Save the new password').click();
  await isIn(p);
  elena = { ...elena, password: 'Amber-Lantern-77' };
  await heading(page, /Elena/).waitFor();
  await page.waitForTimeout(500);
  await desk(`portal-users/${id}/suspend`, { reason: 'She asked for it' });
  await out();
  await enter(p, elena);
  await page.getByRole('alert').or(page.getByText(/closed for now|suspended|call us/i)).first().waitFor();
  await look(p, 'login-suspended');
  await desk(`portal-users/${id}/resume`, { reason: 'She came by' });
  await enter(p, elena);
  await isIn(p);
});

test('10. silence is warned about, what was typed survives, and staying is one press', async () => {
  const p = open.elena;
  const { page } = p;
  /** A page learns the clinic's time from an answer, and looks at the limit when it comes to the front. */
  const wakes = async () => {
    const answer = page.waitForResponse(/\/api\/v1\/portal\//);
    await speak(page, 'es');
    await speak(page, 'en');
    await answer;
    await page.waitForTimeout(200);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  };
  await go(p, '/forms');
  await page.getByRole('link', { name: /How you've been feeling/ }).first().click();
  await heading(page, /Little interest or pleasure/).waitFor();
  await page.getByRole('radio', { name: 'Several days' }).check();
  await says(page, 'Saved').waitFor();
  await page.waitForTimeout(500);
  await wakes(); // what is asked for the first time, in either language, counts as activity
  await clinic.advance(13 * 60 + 30);
  await wakes();
  await page.getByRole('alertdialog').waitFor({ timeout: 20_000 });
  await look(p, 'idle');
  await button(page, 'Stay signed in').click();
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
  assert.ok(await page.getByRole('radio', { name: 'Several days' }).isChecked());
  await clinic.advance(16 * 60);
  await wakes();
  await page.waitForURL('**/signed-out**', { timeout: 40_000 });
  await look(p, 'signed-out-idle');
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.getByLabel('Email').fill(elena.email);
  await page.locator('input[type=password]').fill(elena.password);
  await page.locator('button[type=submit]').click();
  await page.waitForURL('**/forms/**');
  await heading(page, /Little interest or pleasure|Feeling down/).waitFor();
  if (await heading(page, /Feeling down/).count()) await button(page, 'Back').click();
  await heading(page, /Little interest or pleasure/).waitFor();
  assert.ok(await page.getByRole('radio', { name: 'Several days' }).isChecked(), 'the draft is lost');
});

test('11. she closes her account', async () => {
  const p = open.elena;
  const { page } = p;
  await go(p, '/settings/security/close');
  await button(page, 'Close my account').click();
  await says(page, 'Check this box if you want to close your account').waitFor();
  await look(p, 'close');
  await page.getByRole('checkbox').check();
  await button(page, 'Close my account').click();
  await look(p, 'close-sure');
  await page.getByRole('dialog').getByRole('button', { name: 'Close my account' }).click();
  // she signed in a while ago: it asks whether it is still her, over the first question
  await page.getByLabel('Your password', { exact: true }).or(heading(page, 'Your account is closed')).waitFor();
  if (await page.getByLabel('Your password', { exact: true }).count()) {
    await look(p, 'close-proof');
    await page.getByLabel('Your password', { exact: true }).fill(elena.password);
    await button(page, 'Continue').click();
  }
  await heading(page, 'Your account is closed').waitFor();
  await look(p, 'closed');
  await enter(p, elena);
  await says(page, 'This account is closed at the moment').waitFor();
  await leave('elena');
});

test('the audit log holds all of it', async () => {
  const verify = clinic.command('audit', 'verify');
  assert.equal(verify.status, 0, verify.stderr);
});

// The main job, end to end, as its people do it: a client registers, asks, is answered live, signs, pays.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, fits, openClinic, person, shot, signIn, staffSignIn } from './clinic.mjs';

let clinic;
let client; // Grace, whom the clinic knows and who has never signed in
let clerk;
let grace;
const password = 'Quiet-Harbour-42';

before(async () => {
  clinic = await openClinic();
  grace = clinic.demo.unregistered[0];
  client = await person(clinic);
  clerk = await person(clinic);
});
after(async () => {
  await clinic?.close();
});
afterEach(async t => {
  // what a failing step looked like is worth more than its message
  if (t.passed === false || t.error) for (const [who, p] of Object.entries({ client, clerk })) await shot(p.page, `failed-${t.name.slice(0, 20).replace(/\W+/g, '-')}-${who}`);
});

const [year, month, day] = ['0', '1', '2'].map(Number);
const parts = born => born.split('-');

async function whoYouAre(page, who) {
  await page.goto(clinic.url + '/register');
  await page.getByLabel('Email').fill(who.email);
  await page.getByLabel('First name').fill(who.firstName);
  await page.getByLabel('Last name').fill(who.lastName);
  const born = parts(who.dateOfBirth);
  const dob = page.getByRole('group', { name: 'Date of birth' });
  await dob.getByLabel('Month').fill(born[month]);
  await dob.getByLabel('Day').fill(born[day]);
  await dob.getByLabel('Year').fill(born[year]);
}

test('1. somebody the clinic does not know learns nothing', async () => {
  const { page } = client;
  const stranger = clinic.demo.strangers[0];
  const answers = [];
  for (const who of [stranger, { ...grace, dateOfBirth: '1995-08-18' }]) {
    await whoYouAre(page, who);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Set up my access' }).click();
    const said = page.getByText('We could not set up your access with these details');
    await said.waitFor();
    answers.push(await said.textContent());
  }
  assert.equal(answers[0], answers[1]);
  assert.deepEqual(await fetch(`${clinic.url}/dev/mail?to=${stranger.email}`).then(r => r.json()), []);
});

test('1. a client whom the clinic knows registers, verifies and signs in', async () => {
  const { page } = client;
  await whoYouAre(page, grace);
  await shot(page, 'register-1280');
  await accessible(page, 'register');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Set up my access' }).click();
  await page.getByText('Choose a password that meets every point').first().waitFor();
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Set up my access' }).click();
  await page.getByRole('heading', { name: 'Check your email' }).waitFor();
  await accessible(page, 'check your email');

  const mail = await clinic.mail(grace.email);
  const code = mail.text.match(/\b(\d{3}) ?(\d{3})\b/).slice(1).join('');
  assert.match(mail.text, /\/verify-email\?token=/);
  const wrong = code === '111111' ? '222222' : '111111';
  await page.getByLabel('Code from the email').fill(wrong);
  await page.getByRole('button', { name: 'Confirm my email' }).click();
  await page.getByText('That code isn’t right').first().waitFor();
  await page.getByLabel('Code from the email').fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole('button', { name: 'Confirm my email' }).click();
  await page.waitForURL('**/dashboard'); // the code proved who she is: she is in
  await page.getByRole('heading', { name: /Grace/ }).waitFor();
  await shot(page, 'home-1280');
  await accessible(page, 'home');
  await page.goto(clinic.url + '/profile');
  await page.getByRole('button', { name: 'Sign out' }).last().click();
  await page.waitForURL('**/signed-out**');

  await page.goto(clinic.url + '/appointments'); // where she wanted to go survives signing in
  await page.getByLabel('Email').fill(grace.email);
  await page.getByLabel('Password', { exact: true }).fill('Wrong-Harbour-43');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('That email and password don’t match').first().waitFor();
  await shot(page, 'login-1280');
  await accessible(page, 'login');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/appointments');
});

test('2 to 4. she asks; the desk sees it live; two clerks answer; her open page changes by itself', async () => {
  const { page } = client;
  await staffSignIn(clerk.page, clinic, clinic.demo.staff.find(s => s.role === 'front_desk'));
  await shot(clerk.page, 'desk-before-1280');
  const second = await person(clinic, { dark: true });
  await staffSignIn(second.page, clinic, clinic.demo.staff.find(s => s.role === 'admin'));

  await page.goto(clinic.url + '/appointments/request');
  await page.getByRole('radio', { name: /Individual therapy/ }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Who and how?' }).waitFor();
  await page.getByRole('radio', { name: /Dr\. Ana Reyes/ }).check();
  await page.getByRole('radio', { name: /In person/ }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'When would suit you?' }).waitFor();
  await page.getByRole('button', { name: 'Later dates' }).click();
  await page.getByRole('button', { name: 'Later dates' }).click();
  const days = page.getByRole('group', { name: 'Choose a day' });
  await days.getByRole('button', { disabled: false }).first().click();
  await page.getByRole('button', { name: /, 4:00 pm/ }).first().click();
  await page.getByRole('button', { name: /, 5:00 pm/ }).first().click(); // hours at which nobody is booked, whatever today is
  await shot(page, 'request-times-1280');
  await accessible(page, 'preferred times');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'What brings you in?' }).waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Write why you would like to come.').first().waitFor();
  await page.getByLabel('Reason for the visit').fill('I sleep badly <b>since spring</b>.');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Check your request' }).waitFor();
  await shot(page, 'request-check-1280');
  await accessible(page, 'check the request');
  await page.getByRole('button', { name: 'Send request' }).click();
  await page.getByRole('heading', { name: 'Request sent' }).waitFor();
  await page.getByRole('link', { name: 'See your request' }).click();
  await page.getByText('Waiting for the clinic').first().waitFor();
  await shot(page, 'request-waiting-1280');
  await accessible(page, 'a waiting request');
  await clinic.mail(grace.email, m => /request/i.test(m.subject));

  const name = `${grace.firstName} ${grace.lastName}`;
  for (const c of [clerk, second]) {
    await c.page.getByText('since spring').waitFor(); // nobody reloaded anything
    assert.equal(await c.page.locator('b', { hasText: 'since spring' }).count(), 0, 'a client’s words became HTML');
  }
  await shot(clerk.page, 'desk-1280-light');
  await shot(second.page, 'desk-1280-dark');
  // both open the question; the first to press wins, the other is told who it was
  for (const c of [clerk, second]) await c.page.getByRole('button', { name: new RegExp(`^Confirm 1st.*${name}`) }).click();
  await clerk.page.getByRole('button', { name: 'Confirm this time' }).click();
  await clerk.page.getByText(/^Confirmed for/).waitFor();
  await second.page.getByRole('button', { name: 'Confirm this time' }).click();
  await second.page.getByText(/Sam .*confirmed this/).first().waitFor();
  await shot(second.page, 'desk-too-late-dark');
  await second.context.close();

  await page.getByText('The clinic confirmed your visit').first().waitFor({ state: 'attached' });
  await page.getByText('Waiting for the clinic').first().waitFor({ state: 'detached' });
  await shot(page, 'visit-confirmed-1280');
  await accessible(page, 'a confirmed visit');
  const mail = await clinic.mail(grace.email, m => m.attachments.length > 0);
  const ics = Buffer.from(mail.attachments[0].contentBase64, 'base64').toString();
  assert.match(ics, /BEGIN:VEVENT/);
  for (const text of [mail.subject, mail.text, mail.html, ics]) assert.doesNotMatch(text, /sleep badly|Individual therapy|Reyes/, 'a mail holds what it must not');
  const calendar = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Add to calendar' }).click();
  assert.match((await calendar).suggestedFilename(), /\.ics$/);
});

test('3. a clerk declines with a reason that stays in the clinic', async () => {
  const daniel = clinic.demo.clients[1];
  const his = await person(clinic, { width: 390, height: 844 });
  await signIn(his.page, clinic, daniel);
  await his.page.goto(clinic.url + '/appointments');
  await his.page.getByText('Waiting for the clinic').first().waitFor();
  await clerk.page.getByRole('button', { name: /Decline the request of Daniel Kim/ }).click();
  await clerk.page.getByRole('button', { name: 'Decline request' }).click(); // without a reason nothing happens
  await clerk.page.getByRole('dialog').getByLabel(/Reason/).fill('Ana is away that week');
  await clerk.page.getByRole('dialog').getByLabel(/[Mm]essage/).fill('Could you come a week later?');
  await shot(clerk.page, 'desk-decline-1280');
  await clerk.page.getByRole('button', { name: 'Decline request' }).click();
  await his.page.getByText('Waiting for the clinic').first().waitFor({ state: 'detached' });
  await his.page.getByRole('link', { name: 'Cancelled' }).click();
  await his.page.getByText('Declined').first().waitFor();
  await his.page.getByRole('link', { name: /Individual therapy/ }).first().click();
  await his.page.getByText('Could you come a week later?').waitFor();
  assert.equal(await his.page.getByText('Ana is away').count(), 0, 'the clinic’s own reason reached the client');
  await shot(his.page, 'declined-390');
  await accessible(his.page, 'a declined request');
  const mail = await clinic.mail(daniel.email);
  assert.doesNotMatch(mail.text + mail.html, /Ana is away|week later/);
  await his.context.close();
});

test('5. she fills in a form over a reload, misses an answer, is told about help, and sends it', async () => {
  const { page } = client;
  await page.goto(clinic.url + '/forms');
  await shot(page, 'forms-1280');
  await accessible(page, 'forms');
  await page.getByRole('link', { name: /How you've been feeling/ }).first().click();
  await page.getByRole('heading', { name: /Little interest or pleasure/ }).waitFor();
  await shot(page, 'form-1280');
  await accessible(page, 'a question');
  const answer = async label => {
    await page.getByRole('radio', { name: label }).check();
    await page.getByRole('button', { name: 'Continue' }).click();
  };
  await answer('Several days');
  await page.getByRole('heading', { name: /Feeling down, depressed/ }).waitFor();
  await page.getByRole('radio', { name: 'Not at all' }).check();
  await page.getByText('Saved').first().waitFor();
  await page.reload();
  await page.getByText(/Question \d+ of \d+/).first().waitFor();
  // back where she was: the answered ones are behind her
  await page.getByRole('heading', { name: /Trouble falling|Feeling down/ }).waitFor();
  if (await page.getByRole('heading', { name: /Feeling down/ }).count()) await page.getByRole('button', { name: 'Continue' }).click();
  for (let i = 0; i < 6; i++) {
    await page.getByRole('radio', { name: 'Not at all' }).check();
    await page.getByRole('button', { name: 'Continue' }).click();
  }
  await page.getByRole('heading', { name: /better off dead/ }).waitFor();
  await page.getByRole('radio', { name: 'Several days' }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Thank you for telling us' }).waitFor();
  await shot(page, 'crisis-1280');
  await accessible(page, 'the crisis page');
  await page.getByRole('button', { name: 'Go on with the form' }).click();
  for (let i = 0; i < 4 && !(await page.getByRole('heading', { name: 'Check your answers' }).count()); i++) {
    const last = page.getByRole('radio').first();
    if (await last.count()) await last.check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForTimeout(200);
  }
  await page.getByRole('heading', { name: 'Check your answers' }).waitFor();
  await shot(page, 'form-check-1280');
  await accessible(page, 'check your answers');
  await page.getByRole('button', { name: 'Send form' }).click();
  await page.getByText('Tick the box to say that you agree.').first().waitFor(); // never ticked for her
  await page.getByRole('checkbox', { name: /I am Grace Liu/ }).check();
  await page.getByRole('button', { name: 'Send form' }).click();
  await page.getByRole('heading', { name: 'Sent', exact: true }).waitFor();
});

test('5. she signs a consent form; the record freezes; the PDF carries her answers', async () => {
  const { page } = client;
  await page.goto(clinic.url + '/forms');
  await page.getByRole('link', { name: /^(Start|Continue)/ }).first().click();
  const check = page.getByRole('heading', { name: 'Check your answers' });
  const goOn = async () => {
    const before = await page.getByText(/^(Step|Question) \d+ of \d+/).first().textContent().catch(() => '');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForFunction(
      was => document.body.innerText.includes('Answer this question to go on.') || !document.body.innerText.includes(was),
      before,
    );
  };
  let refused = 0;
  while (!(await check.count())) {
    await goOn(); // without an answer first: what is required is asked for by name
    if (!(await page.getByText('Answer this question to go on.').count())) continue;
    refused++;
    for (const group of await page.locator('fieldset').all()) {
      const radios = group.getByRole('radio');
      const boxes = group.getByRole('checkbox');
      if ((await radios.count()) && !(await group.locator('input:checked').count())) await radios.first().check();
      else if ((await boxes.count()) && !(await group.locator('input:checked').count())) await boxes.first().check();
    }
    for (const text of await page.locator('input[type=text], textarea').all()) if (!(await text.inputValue())) await text.fill('Boulder, Colorado');
    await goOn();
  }
  assert.ok(refused >= 2, 'required questions were passed over');
  await page.getByRole('heading', { name: 'Check your answers' }).waitFor();
  await page.getByRole('button', { name: 'Go on to sign' }).click();
  await page.getByRole('button', { name: 'Sign and send' }).click();
  await page.getByText('Sign in the box, or choose Type and write your name.').first().waitFor();
  const pad = page.locator('canvas').first();
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  await page.mouse.move(box.x + 40, box.y + 90);
  await page.mouse.down();
  for (let i = 0; i < 30; i++) await page.mouse.move(box.x + 40 + i * 8, box.y + 90 + Math.sin(i / 2) * 40);
  await page.mouse.up();
  await page.mouse.move(box.x + 60, box.y + 130);
  await page.mouse.down();
  await page.mouse.move(box.x + 260, box.y + 60, { steps: 12 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Sign and send' }).click();
  await page.getByText('Tick the box to say that you agree.').first().waitFor(); // never ticked for her
  await page.getByRole('checkbox', { name: /I am Grace Liu/ }).check();
  await shot(page, 'sign-1280');
  await accessible(page, 'the sign page');
  await page.getByRole('button', { name: 'Sign and send' }).click();
  await page.getByRole('heading', { name: 'Signed', exact: true }).waitFor();
  await shot(page, 'signed-1280');
  await accessible(page, 'a signed form');
  const saved = page.waitForEvent('download', { timeout: 30_000 });
  await page.getByRole('button', { name: 'Download the PDF' }).click();
  const file = await (await saved).path();
  const { readFileSync } = await import('node:fs');
  assert.equal(readFileSync(file).subarray(0, 5).toString(), '%PDF-');
  await clinic.mail(clinic.demo.staff.find(s => s.role === 'clinician').email);
});

test('6. she is declined once, then pays; paying again charges nothing', async () => {
  const { page } = client;
  await page.goto(clinic.url + '/payments');
  await page.getByRole('link', { name: /\$90\.00/ }).first().click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await shot(page, 'pay-1280');
  await accessible(page, 'pay');
  await page.getByRole('radio', { name: /Decline/ }).check();
  await page.getByRole('button', { name: 'Pay $90.00' }).click();
  await page.getByText('Your bank declined this card. You have not been charged.').first().waitFor();
  await page.getByRole('radio', { name: /Succeed/ }).check();
  await page.getByRole('button', { name: 'Pay $90.00' }).click();
  await page.getByRole('heading', { name: 'Paid $90.00' }).waitFor();
  await shot(page, 'paid-1280');
  await accessible(page, 'paid');
  const saved = page.waitForEvent('download', { timeout: 30_000 });
  await page.getByRole('button', { name: 'Download the receipt' }).click();
  assert.match((await saved).suggestedFilename(), /\.pdf$/);
  const paidPage = page.url();
  await page.goto(clinic.url + '/payments');
  await page.getByText('You owe nothing.').waitFor();
  await page.goto(paidPage);
  await page.getByText('This invoice is paid. There is nothing to do.').waitFor();
  assert.equal(await page.getByRole('button', { name: /^Pay/ }).count(), 0);
});

test('the server is killed in the middle and everybody goes on', async () => {
  const { page } = client;
  const ready = await clinic.restart('SIGKILL');
  console.log(`ready ${Math.round(ready)} ms after the start`);
  await page.goto(clinic.url + '/appointments');
  await page.getByText('Individual therapy').first().waitFor(); // still signed in, the visit is there
  await page.goto(clinic.url + '/forms');
  await page.getByRole('link', { name: 'Done' }).click();
  await page.getByText('Consent to treatment').first().waitFor(); // what she signed is signed
});

test('every page on a phone and a desk, light and dark, in both languages', async () => {
  const maya = clinic.demo.clients[0];
  for (const look of [
    { width: 320, locale: 'en-US', dark: false },
    { width: 390, locale: 'es-MX', dark: true },
    { width: 1280, locale: 'es-MX', dark: false },
    { width: 1280, locale: 'en-US', dark: true },
  ]) {
    const p = await person(clinic, look);
    await p.page.goto(clinic.url + '/login');
    const tag = `${look.width}-${look.locale.slice(0, 2)}-${look.dark ? 'dark' : 'light'}`;
    await p.page.getByRole('heading', { level: 1 }).waitFor();
    await shot(p.page, `login-${tag}`);
    await p.page.locator('input[type=email]').fill(maya.email);
    await p.page.locator('input[type=password]').fill(maya.password);
    await p.page.locator('button[type=submit]').click();
    await p.page.waitForURL('**/dashboard');
    for (const path of ['/dashboard', '/appointments', '/appointments/request', '/forms', '/payments', '/notifications', '/profile', '/nowhere']) {
      await p.page.goto(clinic.url + path);
      await p.page.getByRole('heading', { level: 1 }).waitFor();
      await p.page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {}); // the realtime stream never idles
      const name = `${path.slice(1).replaceAll('/', '-')}-${tag}`;
      await shot(p.page, name);
      await fits(p.page, name);
      await accessible(p.page, name);
    }
    assert.equal(await p.page.locator('html').getAttribute('lang'), look.locale.slice(0, 2));
    assert.deepEqual(p.complaints, [], `what the pages complained about at ${tag}`);
    await p.context.close();
  }
});

test('fifteen minutes of silence sign her out, and she comes back to where she was', async () => {
  const { page } = client;
  await page.goto(clinic.url + '/payments');
  await page.getByRole('heading', { name: 'Payments', exact: true }).waitFor();
  await clinic.advance(16 * 60);
  await page.waitForURL('**/signed-out**', { timeout: 20_000 });
  await shot(page, 'signed-out-1280');
  await accessible(page, 'signed out');
});

test('7. the audit log holds all of it, and nothing complained', async () => {
  const verify = clinic.command('audit', 'verify');
  assert.equal(verify.status, 0, verify.stderr);
  assert.deepEqual(client.complaints, []);
  assert.deepEqual(clerk.complaints, []);
});

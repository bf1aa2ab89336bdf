// Signing in with an account elsewhere, in a real browser, with a provider of our own that speaks the code flow (RFC 6749,
// 4.1) with PKCE (RFC 7636).
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { accessible, openClinic, person, shot, signIn } from './clinic.mjs';

const client = { id: 'anteroom', secret: 'the-secret-of-the-provider' };

/** An honest provider: a page that asks, a code that works once and only with its verifier, and who it was. */
async function openProvider() {
  const codes = new Map();
  const tokens = new Map();
  const provider = { asked: [], sub: 'stranger-there' };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, provider.url);
    const json = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    provider.asked.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/auth') {
      const q = url.searchParams;
      if (q.get('client_id') !== client.id || q.get('response_type') !== 'code' || q.get('code_challenge_method') !== 'S256') return json(400, { error: 'invalid_request' });
      const code = randomUUID();
      codes.set(code, { challenge: q.get('code_challenge'), redirect: q.get('redirect_uri'), sub: provider.sub });
      const back = (answer) => `${q.get('redirect_uri')}?${new URLSearchParams({ ...answer, state: q.get('state') })}`.replaceAll('&', '&amp;');
      return response
        .writeHead(200, { 'Content-Type': 'text/html' })
        .end(`<!doctype html><title>Town ID</title><a href="${back({ code })}">Allow</a> <a href="${back({ error: 'access_denied' })}">Deny</a>`);
    }
    if (url.pathname === '/token') {
      let raw = '';
      for await (const part of request) raw += part;
      const q = new URLSearchParams(raw);
      const [id, secret] = request.headers.authorization
        ? Buffer.from(request.headers.authorization.split(' ')[1], 'base64').toString().split(':').map(decodeURIComponent)
        : [q.get('client_id'), q.get('client_secret')];
      const grant = codes.get(q.get('code'));
      codes.delete(q.get('code'));
      const challenge = createHash('sha256').update(q.get('code_verifier') ?? '').digest('base64url');
      if (id !== client.id || secret !== client.secret || !grant || grant.challenge !== challenge || grant.redirect !== q.get('redirect_uri')) return json(400, { error: 'invalid_grant' });
      const token = randomUUID();
      tokens.set(token, grant.sub);
      return json(200, { access_token: token, token_type: 'Bearer', expires_in: 60 });
    }
    if (url.pathname === '/userinfo') {
      const sub = tokens.get(request.headers.authorization?.split(' ')[1]);
      // It claims the address of somebody else: that must mean nothing.
      return sub ? json(200, { sub, email: 'maya.okafor@mail.example', email_verified: true, name: 'Somebody' }) : json(401, {});
    }
    return json(404, {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider.url = `http://127.0.0.1:${server.address().port}`;
  provider.close = () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve)));
  return provider;
}

let clinic;
let provider;
before(async () => {
  provider = await openProvider();
  clinic = await openClinic({
    env: {
      OIDC_NAME: 'Town ID',
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
      OIDC_AUTH_URL: `${provider.url}/auth`,
      OIDC_TOKEN_URL: `${provider.url}/token`,
      OIDC_USERINFO_URL: `${provider.url}/userinfo`,
    },
  });
});
after(async () => {
  await clinic?.close();
  await provider?.close();
});

const elsewhere = (page) => page.getByRole('button', { name: /^Continue with/ });

/** Presses, and answers in the window that opens. */
async function inTheOtherWindow(page, button, answer) {
  const opened = page.waitForEvent('popup');
  await button.click();
  const popup = await opened;
  await popup.getByRole('link', { name: answer }).waitFor();
  assert.equal(await popup.evaluate(() => window.opener), null, 'the provider has hold of our page');
  await popup.getByRole('link', { name: answer }).click({ noWaitAfter: true });
  return popup;
}
const closed = async (popup) => {
  if (!popup.isClosed()) await popup.waitForEvent('close', { timeout: 5000 });
};

async function signOut(page) {
  await page.goto(clinic.url + '/profile');
  await page.getByRole('button', { name: 'Sign out' }).last().click();
  await page.waitForURL('**/signed-out**');
}

async function connect(page) {
  await page.goto(clinic.url + '/settings/security');
  const popup = await inTheOtherWindow(page, page.getByRole('button', { name: 'Connect Town ID' }), 'Allow');
  await page.getByRole('button', { name: 'Disconnect Town ID' }).waitFor();
  await closed(popup);
}

/** The code of an authenticator app (RFC 6238, 30 seconds, SHA-1, six digits). */
function totp(secret, at) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const from = mac.at(-1) & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('a stranger learns that it must be connected first, and who says no there may try again', async () => {
  const p = await person(clinic);
  await p.page.goto(clinic.url + '/login');
  await closed(await inTheOtherWindow(p.page, elsewhere(p.page), 'Allow'));
  await p.page.getByText('That account isn’t connected to your access here.').waitFor();
  await shot(p.page, 'oauth-not-linked-1280');
  await accessible(p.page, 'an account elsewhere that is not connected');
  const denied = await inTheOtherWindow(p.page, elsewhere(p.page), 'Deny');
  await p.page.getByText('That did not work, or was cancelled.').waitFor();
  await denied.getByText('You can close this window').waitFor();
  assert.equal(denied.url(), `${clinic.url}/sign-in/elsewhere/failed`, 'the answer stayed in the address');
  assert.equal(await p.page.evaluate(() => localStorage.getItem('anteroom.auth')), null);
  assert.deepEqual(p.complaints, []);
  await p.context.close();
});

test('an answer that nobody waits for is lost, and its window says so', async () => {
  const p = await person(clinic);
  const late = await p.context.newPage();
  await late.goto(`${clinic.url}/api/oauth2-redirect?state=nobody&code=planted`);
  await late.getByRole('heading', { name: 'That did not work, or was cancelled.' }).waitFor();
  assert.equal(late.url(), `${clinic.url}/sign-in/elsewhere/failed`, 'the answer stayed in the address');
  await shot(late, 'oauth-late-1280');
  await accessible(late, 'the second window');
  await p.context.close();
});

test('a browser that opens no window is told of', async () => {
  const p = await person(clinic);
  await p.page.goto(clinic.url + '/login');
  await p.page.evaluate(() => (window.open = () => null));
  await elsewhere(p.page).click();
  await p.page.getByText('Your browser did not let us open another window.').waitFor();
  await p.context.close();
});

test('a client connects it, signs in with it, and disconnects it', async () => {
  const p = await person(clinic);
  provider.sub = 'maya-there';
  const maya = clinic.demo.clients[0];
  await signIn(p.page, clinic, maya);
  await connect(p.page);
  await shot(p.page, 'oauth-connected-1280');
  await signOut(p.page);

  await p.page.goto(clinic.url + '/login?next=%2Fpayments');
  await closed(await inTheOtherWindow(p.page, elsewhere(p.page), 'Allow'));
  await p.page.waitForURL('**/payments');
  await p.page.reload(); // the session lasts over a reload
  await p.page.getByRole('heading', { name: 'Payments', exact: true }).waitFor();

  await p.page.goto(clinic.url + '/settings/security');
  await p.page.getByRole('button', { name: 'Disconnect Town ID' }).click();
  await p.page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await p.page.getByRole('button', { name: 'Connect Town ID' }).waitFor();
  await signOut(p.page);
  await p.page.goto(clinic.url + '/login');
  await closed(await inTheOtherWindow(p.page, elsewhere(p.page), 'Allow'));
  await p.page.getByText('That account isn’t connected to your access here.').waitFor();
  assert.deepEqual(p.complaints, []);
  await p.context.close();
});

test('whoever has a second factor is asked for it here', async () => {
  const p = await person(clinic);
  provider.sub = 'factor-there';
  const careful = clinic.demo.clients[3];
  const clock = async () => Date.parse((await fetch(clinic.url + '/api/v1/portal/config')).headers.get('date'));
  const giveCode = async () => {
    await p.page.locator('input[autocomplete=one-time-code]').fill(totp(careful.mfa.totpSecret, await clock()));
    await p.page.keyboard.press('Enter');
    await p.page.waitForURL('**/dashboard');
  };
  await p.page.goto(clinic.url + '/login');
  await p.page.getByLabel('Email').fill(careful.email);
  await p.page.getByLabel('Password', { exact: true }).fill(careful.password);
  await p.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await p.page.getByRole('heading', { name: 'One more step' }).waitFor();
  await giveCode();
  await connect(p.page);
  await signOut(p.page);
  await clinic.advance(60); // a code works once

  await p.page.goto(clinic.url + '/login');
  await closed(await inTheOtherWindow(p.page, elsewhere(p.page), 'Allow'));
  await p.page.getByRole('heading', { name: 'One more step' }).waitFor();
  await shot(p.page, 'oauth-factor-1280');
  await giveCode();
  assert.deepEqual(p.complaints, []);
  await p.context.close();
});

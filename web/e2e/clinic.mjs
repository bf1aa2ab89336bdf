// A demo clinic of its own for a browser test: the real binary on a fresh directory, a real Chromium, the mailbox.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, mkdirSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const binary = process.env.ANTEROOM;
const shots = new URL('./screenshots/', import.meta.url).pathname;

function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.on('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/** `env` is what an operator would set, as a provider to sign in with. */
export async function openClinic({ env = {} } = {}) {
  assert.ok(binary, 'ANTEROOM names the binary: run make test-browser');
  mkdirSync(shots, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'anteroom-e2e-'));
  const dir = join(root, 'demo');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let log = '';
  let server;
  let ahead = 0; // how far the clinic's clock was moved, in milliseconds
  const start = async () => {
    const begun = performance.now();
    server = spawn(binary, ['serve', '--demo', '--dir', dir, '--http', `127.0.0.1:${port}`], { env: { ...process.env, ...env } });
    server.stdout.on('data', d => (log += d));
    server.stderr.on('data', d => (log += d));
    for (;;) {
      assert.equal(server.exitCode, null, `the server ended: ${log}`);
      const up = await fetch(url + '/readyz').then(r => r.status === 200, () => false);
      if (up) return performance.now() - begun;
      assert.ok(performance.now() - begun < 60_000, `the server is not ready: ${log}`);
      await new Promise(r => setTimeout(r, 25));
    }
  };
  const stop = signal =>
    new Promise(resolve => {
      if (server.exitCode !== null || server.signalCode) return resolve();
      server.once('exit', resolve);
      server.kill(signal);
    });
  await start();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  const clinic = {
    url,
    /** The same portal where browsers keep passkeys: they keep none for an address of numbers. */
    named: `http://localhost:${port}`,
    dir,
    browser,
    demo: JSON.parse(readFileSync(join(dir, 'demo.json'), 'utf8')),
    restart: async (signal, meanwhile) => {
      await stop(signal);
      await meanwhile?.();
      return start();
    },
    /** Writes into the clinic's database, past every rule: only while the server is stopped. */
    sql: statement => {
      const { status, stderr, error } = spawnSync('sqlite3', ['-bail', join(dir, 'data.db'), statement], { encoding: 'utf8' });
      assert.equal(status, 0, `sqlite3: ${error ?? stderr}`);
    },
    /** What a command of the program says, and how it ends. */
    command: (...args) => spawnSync(binary, [...args, '--dir', dir], { encoding: 'utf8' }),
    /** The newest mail to somebody that fits, within two seconds of what caused it. */
    mail: async (to, fits = () => true) => {
      const until = Date.now() + 4000;
      for (;;) {
        const all = await fetch(`${url}/dev/mail?to=${encodeURIComponent(to)}`).then(r => r.json());
        const found = all.find(fits);
        if (found) return found;
        assert.ok(Date.now() < until, `no such mail to ${to} among ${JSON.stringify(all.map(m => m.subject))}`);
        await new Promise(r => setTimeout(r, 100));
      }
    },
    /** The newest text message to a number, after so many that came before. */
    text: async (to, before = 0) => {
      const until = Date.now() + 4000;
      for (;;) {
        const all = await fetch(`${url}/dev/sms?to=${encodeURIComponent(to)}`).then(r => r.json());
        if (all.length > before) return all[0];
        assert.ok(Date.now() < until, `no text to ${to}`);
        await new Promise(r => setTimeout(r, 100));
      }
    },
    /** What an authenticator shows now (RFC 6238). A step counts once, so the clock goes on to one that nobody used. */
    totp: async secret => {
      await clinic.advance(30);
      const bits = [...secret.replace(/\s/g, '')].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
      const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)));
      const step = Buffer.alloc(8);
      step.writeBigUInt64BE(BigInt(Math.floor((Date.now() + ahead) / 30_000)));
      const mac = createHmac('sha1', key).update(step).digest();
      return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
    },
    /** What the clinic's staff do by way of the desk: gives the call. */
    desk: async role => {
      const { email, password } = clinic.demo.staff.find(s => s.role === role);
      const json = { 'Content-Type': 'application/json' };
      const { token } = await fetch(`${url}/api/collections/staff/auth-with-password`, { method: 'POST', headers: json, body: JSON.stringify({ identity: email, password }) }).then(r => r.json());
      return async (path, body) => {
        const answer = await fetch(`${url}/api/v1/desk/${path}`, { method: 'POST', headers: { ...json, Authorization: token }, body: JSON.stringify(body) });
        assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
        return (await answer.json()).data;
      };
    },
    advance: seconds => (ahead += seconds * 1000) && fetch(`${url}/dev/clock`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ advanceSeconds: seconds }) }),
    close: async () => {
      await browser.close();
      await stop('SIGTERM');
      rmSync(root, { recursive: true, force: true });
    },
  };
  return clinic;
}

/** A person's browser. Whatever their page complains about fails the test: errors, refused policy, foreign requests. */
export async function person(clinic, { url = clinic.url, width = 1280, height = 900, locale = 'en-US', dark = false } = {}) {
  const context = await clinic.browser.newContext({
    viewport: { width, height },
    locale,
    timezoneId: 'America/Denver',
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PATIENCE ?? 15_000));
  const complaints = [];
  page.on('pageerror', e => complaints.push(`error: ${e.message}`));
  page.on('console', m => {
    // a refused request is the server's business and is asserted where it is meant
    if (m.type() === 'error' && !/Failed to load resource/.test(m.text())) complaints.push(`console: ${m.text()}`);
  });
  page.on('request', r => {
    if (!r.url().startsWith(url) && !/^(data|blob):/.test(r.url())) complaints.push(`asked another origin: ${r.url()}`);
  });
  return { page, context, complaints, url };
}

/** What axe finds on the page as it stands: WCAG 2.0 to 2.2, A and AA. */
export async function accessible(page, what) {
  const found = await new AxeBuilder({ page }).setLegacyMode().withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
  assert.deepEqual(
    found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(' | ')}`),
    [],
    `axe on ${what}`,
  );
}

/** Nothing sticks out sideways at this width (WCAG 1.4.10). */
export async function fits(page, what) {
  const [inner, wide] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
  assert.ok(wide <= inner, `${what} is ${wide} wide in a window of ${inner}`);
}

export const shot = (page, name) => page.screenshot({ path: `${shots}${name}.png`, fullPage: true });

/** Changes the page's language where it stands, as the profile does, so that what is open stays open. */
export const speak = (page, language) =>
  page.evaluate(async to => {
    for (const { name } of performance.getEntriesByType('resource')) {
      if (!/\/assets\/.*\.js$/.test(name)) continue;
      for (const one of Object.values(await import(name))) {
        if (typeof one === 'function' && one.length === 1 && /\.set\(\w+\.language\b/.test(one.toString())) return void one(to); // what keeps the choice
      }
    }
    throw new Error('nothing on the page changes its language');
  }, language);

/** As high as the page: what only scrolling puts under the bars at the top and the bottom is not under them. */
async function whole(page, see) {
  const size = page.viewportSize();
  await page.setViewportSize({ ...size, height: Math.max(size.height, await page.evaluate(() => document.documentElement.scrollHeight)) });
  await see();
  await page.setViewportSize(size);
}

let looks = 0;

/**
 * One state of a page, as it stands and at 320 px, dark and in Spanish: nothing sticks out in either, and axe sees
 * one of them, in turns. With PICTURES set, both are kept to be looked at.
 */
export async function look({ page }, name) {
  const turn = looks++ % 2;
  const see = async (what, axe) => {
    await fits(page, what);
    if (axe) await whole(page, () => accessible(page, what));
    if (process.env.PICTURES) await shot(page, `id-${what}`);
  };
  await see(name, turn === 0);
  const size = page.viewportSize();
  const language = await page.locator('html').getAttribute('lang');
  const dark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  await page.setViewportSize({ width: 320, height: 640 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await speak(page, 'es');
  await see(`${name}-320`, turn === 1);
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
  await speak(page, language);
}

export async function signIn(page, clinic, { email, password }) {
  await page.goto(clinic.url + '/login');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/dashboard');
}

export async function staffSignIn(page, clinic, { email, password }) {
  await page.goto(clinic.url + '/_/#/staff-login');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Requests' }).waitFor();
}

import { afterEach, describe, expect, it, vi } from 'vitest';
import { inSeconds, loginData, ok, refuse, serve, sessionInfo, token } from '@/test/server';
import { api, pb } from './pb';
import { queryClient } from './query';
import { acknowledgeEnd, adoptSession, checkSession, endBy, endSession, extendSession, getSession, loadSession, mustChangePassword, passwordChanged, signIn, signOut, switchClient } from './session';
import { deviceStore, keys, tabStore } from './storage';

const signedIn = () => {
  const state = getSession();
  if (state.status !== 'signed-in') throw new Error(`not signed in but ${state.status}`);
  return state;
};
/** Another tab of the same browser. */
const otherTab = new BroadcastChannel('anteroom.session');

afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('signing in', () => {
  it('acts for the session’s default client', () => {
    signIn(loginData());
    expect(signedIn()).toMatchObject({ clientId: 'maya', user: { firstName: 'Maya' } });
    expect(deviceStore.get(keys.refreshToken)).toBe('refresh1');
    expect(pb.authStore.isValid).toBe(true);
  });

  it('learns the length of the idle limit', () => {
    signIn(loginData({ idleExpiresAt: new Date(Date.now() + 600_000).toISOString() }));
    expect(signedIn().idleMs).toBeGreaterThan(598_000);
    expect(signedIn().idleMs).toBeLessThanOrEqual(600_000);
  });
});

describe('ending by what one did', () => {
  const close = () => endBy(() => api('auth/close-account', { method: 'POST', body: { confirm: true } }), 'closed');

  it('says why, even when the server cuts the page off before it answers', async () => {
    signIn(loginData());
    deviceStore.set(keys.refreshToken, null);
    let answer = () => {};
    serve({
      'POST auth/close-account': () => new Promise((resolve) => (answer = () => resolve(ok({ closed: true })))),
      'GET notifications': () => refuse(401, 'SESSION_ENDED'),
    });
    const closing = close();
    await expect(api('notifications')).rejects.toThrow();
    expect(getSession().status).toBe('signed-in');
    answer();
    await closing;
    expect(getSession()).toEqual({ status: 'guest', ended: 'closed' });
  });

  it('claims nothing when it was refused', async () => {
    signIn(loginData());
    deviceStore.set(keys.refreshToken, null);
    serve({ 'POST auth/close-account': () => refuse(401, 'SESSION_ENDED') });
    await expect(close()).rejects.toThrow();
    expect(getSession()).toEqual({ status: 'guest', ended: 'ended' });
  });
});

describe('opening the page', () => {
  it('is a guest without a token, and asks nothing', async () => {
    const seen = serve({});
    await loadSession();
    expect(getSession().status).toBe('guest');
    expect(seen).toHaveLength(0);
  });

  it('takes up a living session and returns to the person who was on screen', async () => {
    signIn(loginData());
    tabStore.set(keys.actingClient, 'leo');
    serve({ 'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }), 'POST auth/session/extend': () => ok(sessionInfo()) });
    await loadSession();
    expect(signedIn().clientId).toBe('leo');
  });

  it('does not return to somebody the session may no longer act for', async () => {
    signIn(loginData());
    tabStore.set(keys.actingClient, 'stranger');
    serve({ 'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }), 'POST auth/session/extend': () => ok(sessionInfo()) });
    await loadSession();
    expect(signedIn().clientId).toBe('maya');
  });

  it('forgets a dead token', async () => {
    signIn(loginData());
    serve({ 'GET auth/session': () => refuse(401, 'SESSION_ENDED') });
    await loadSession();
    expect(getSession().status).toBe('guest');
    expect(pb.authStore.token).toBe('');
    expect(deviceStore.get(keys.refreshToken)).toBeNull();
  });

  it('keeps the token when the server cannot be reached', async () => {
    signIn(loginData());
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await loadSession();
    expect(getSession().status).toBe('unreachable');
    expect(pb.authStore.token).not.toBe('');
    serve({ 'GET auth/session': () => refuse(401, 'SESSION_ENDED') });
    await loadSession();
  });
});

describe('leaving', () => {
  it('tells the server with the token it still had, and waits for nothing', async () => {
    signIn(loginData());
    const { token } = pb.authStore;
    const seen = serve({ 'POST auth/logout': () => new Promise(() => {}) });
    void signOut();
    expect(getSession()).toEqual({ status: 'guest', ended: 'signed-out' });
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    expect(seen[0]?.headers.get('authorization')).toBe(token);
    expect(pb.authStore.token).toBe('');
  });

  it('leaves nothing of the person in memory or on the device', () => {
    signIn(loginData());
    switchClient('leo');
    queryClient.setQueryData(['forms', 'leo', 'forms', {}], { forms: ['secret'] });
    queryClient.setQueryData(['config'], { clinicName: 'x' });
    endSession('idle');
    expect(queryClient.getQueryData(['forms', 'leo', 'forms', {}])).toBeUndefined();
    expect(queryClient.getQueryData(['config'])).toBeDefined();
    expect(window.localStorage).toHaveLength(0);
    expect(window.sessionStorage).toHaveLength(0);
  });

  it('happens by itself when a request finds the session gone', async () => {
    signIn(loginData());
    serve({ 'GET forms': () => refuse(401, 'SESSION_ENDED') });
    await api('forms').catch(() => undefined);
    expect(getSession()).toEqual({ status: 'guest', ended: 'ended' });
  });

  it('is followed by the other tabs, with the reason', async () => {
    const heard: unknown[] = [];
    otherTab.onmessage = (event: MessageEvent) => heard.push(event.data);
    signIn(loginData());
    endSession('idle');
    await vi.waitFor(() => expect(heard.slice(-2)).toEqual([{ type: 'signed-in', sessionId: 'session1' }, { type: 'ended', reason: 'idle' }]));
    otherTab.onmessage = null;
  });

  it('follows another tab', async () => {
    signIn(loginData());
    otherTab.postMessage({ type: 'ended', reason: 'limit' });
    await vi.waitFor(() => expect(getSession()).toEqual({ status: 'guest', ended: 'limit' }));
  });
});

describe('staying', () => {
  it('takes over the new limit', async () => {
    signIn(loginData());
    const later = new Date(Date.now() + 30 * 60_000).toISOString();
    const seen = serve({ 'POST auth/session/extend': () => ok(sessionInfo({ idleExpiresAt: later })) });
    await extendSession();
    expect(signedIn().session.idleExpiresAt).toBe(later);
    expect(seen[0]?.headers.has('x-background')).toBe(false);
  });

  it('asks for the limits without counting as activity', async () => {
    signIn(loginData());
    const seen = serve({ 'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }) });
    await checkSession();
    expect(seen[0]?.headers.get('x-background')).toBe('1');
  });

  it('falls back to the default client when access to the other has ended', async () => {
    signIn(loginData());
    switchClient('leo');
    expect(signedIn().clientId).toBe('leo');
    serve({ 'POST auth/session/extend': () => ok(sessionInfo({ clients: sessionInfo().clients.slice(0, 1) })) });
    await extendSession();
    expect(signedIn().clientId).toBe('maya');
  });

  it('is learned from another tab', async () => {
    signIn(loginData());
    const later = new Date(Date.now() + 40 * 60_000).toISOString();
    otherTab.postMessage({ type: 'extended', session: sessionInfo({ idleExpiresAt: later }) });
    await vi.waitFor(() => expect(signedIn().session.idleExpiresAt).toBe(later));
  });

  it('gives way when somebody else signs in in another tab', async () => {
    signIn(loginData());
    const other = { ...loginData().user, id: 'user2', firstName: 'Sam' };
    serve({
      'GET auth/session': () => ok({ user: other, session: sessionInfo({ id: 'session2' }) }),
      'POST auth/session/extend': () => ok(sessionInfo({ id: 'session2' })),
    });
    queryClient.setQueryData(['forms'], ['of Maya']);
    otherTab.postMessage({ type: 'signed-in', sessionId: 'session2' });
    await vi.waitFor(() => expect(signedIn().user.firstName).toBe('Sam'));
    expect(queryClient.getQueryData(['forms'])).toBeUndefined();
  });
});

it('refuses to show the record of somebody the session may not act for', () => {
  signIn(loginData());
  switchClient('stranger');
  expect(signedIn().clientId).toBe('maya');
  expect(tabStore.get(keys.actingClient)).toBeNull();
});

describe('a session that the SDK started by itself', () => {
  it('is taken over from the server, and the other tabs follow', async () => {
    const heard: unknown[] = [];
    otherTab.onmessage = (event: MessageEvent) => heard.push(event.data);
    deviceStore.set(keys.refreshToken, 'of the one before');
    pb.authStore.save(token(inSeconds(3600)));
    serve({ 'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }), 'POST auth/session/extend': () => ok(sessionInfo()) });
    await adoptSession();
    expect(signedIn().user.firstName).toBe('Maya');
    expect(deviceStore.get(keys.refreshToken)).toBeNull();
    await vi.waitFor(() => expect(heard).toContainEqual({ type: 'signed-in', sessionId: 'session1' }));
    otherTab.onmessage = null;
  });
});

describe('a password that must be changed', () => {
  it('is learned from a refusal, and done with once it is', async () => {
    signIn(loginData());
    serve({ 'GET forms': () => refuse(403, 'PASSWORD_CHANGE_REQUIRED') });
    await api('forms').catch(() => undefined);
    expect(mustChangePassword(getSession())).toBe(true);
    const next = token(inSeconds(3000));
    passwordChanged(next);
    expect(mustChangePassword(getSession())).toBe(false);
    expect(pb.authStore.token).toBe(next);
    expect(deviceStore.get(keys.refreshToken)).toBe('refresh1');
  });
});

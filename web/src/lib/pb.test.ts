import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inSeconds, ok, refuse, serve, token } from '@/test/server';
import { actFor, api, apiBlob, ApiError, forgetTokens, pb, refresh, storeTokens, whenSessionIsLost } from './pb';
import { deviceStore, keys } from './storage';

const fresh = () => ok({ accessToken: token(inSeconds(3600)), refreshToken: 'refresh2', expiresIn: 3600 });
let lost: ReturnType<typeof vi.fn<() => void>>;

beforeEach(() => {
  lost = vi.fn<() => void>();
  whenSessionIsLost(lost);
  storeTokens({ accessToken: token(inSeconds(3600)), refreshToken: 'refresh1' });
});
afterEach(() => {
  actFor(undefined);
  forgetTokens();
});

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('was not refused'),
    (error: unknown) => error as ApiError,
  );

describe('api', () => {
  it('gives the data of the envelope and says for whom, in which language, and whether it counts as activity', async () => {
    const seen = serve({ 'GET forms': () => ok({ forms: [] }) });
    actFor('leo');
    expect(await api('forms', { query: { status: 'pending' }, background: true })).toEqual({ forms: [] });
    const [request] = seen;
    expect(request?.headers.get('x-client-id')).toBe('leo');
    expect(request?.headers.get('x-background')).toBe('1');
    expect(request?.headers.get('accept-language')).toBe('en');
    expect(request?.headers.get('authorization')).toBe(pb.authStore.token);
    expect(request?.query.get('status')).toBe('pending');
  });

  it('does not say for whom on routes that need no sign-in', async () => {
    const seen = serve({ 'POST auth/forgot-password': () => ok({ sent: true }) });
    actFor('leo');
    await api('auth/forgot-password', { method: 'POST', body: { email: 'a@b.example' }, anonymous: true });
    expect(seen[0]?.headers.has('x-client-id')).toBe(false);
    expect(seen[0]?.body).toEqual({ email: 'a@b.example' });
  });

  it('sends the idempotency key', async () => {
    const seen = serve({ 'POST payments/intent': () => ok({}, 201) });
    await api('payments/intent', { method: 'POST', body: { invoiceId: 'i1' }, idempotencyKey: 'key-1' });
    expect(seen[0]?.headers.get('idempotency-key')).toBe('key-1');
  });

  it('turns a refusal into an ApiError with code, reason, fields and waiting time', async () => {
    serve({
      'PATCH forms/f1': () => refuse(409, 'DRAFT_CONFLICT', { fields: { q1: { code: 'required', message: 'Answer this.' } }, retryAfter: 30, draftVersion: 4 }),
    });
    const error = await failure(api('forms/f1', { method: 'PATCH', body: {} }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, code: 'CONFLICT', reason: 'DRAFT_CONFLICT', retryAfter: 30, message: 'Refused.' });
    expect(error.fields.q1?.message).toBe('Answer this.');
    expect(error.details.draftVersion).toBe(4);
    expect(lost).not.toHaveBeenCalled();
  });

  it('calls an answer without an envelope by its status, and no answer at all offline', async () => {
    serve({ 'GET a': () => ({ status: 503, body: 'gone' }) });
    expect(await failure(api('a'))).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(api('a'))).toMatchObject({ status: 0, code: 'OFFLINE' });
  });

  it('tells an aborted request from a failed one', async () => {
    serve({ 'GET a': () => ok(1) });
    const controller = new AbortController();
    controller.abort();
    const error = await failure(api('a', { signal: controller.signal }));
    expect(error.name).toBe('AbortError');
  });
});

describe('the access token', () => {
  it('is renewed once for any number of requests that find it expired', async () => {
    storeTokens({ accessToken: token(inSeconds(10)), refreshToken: 'refresh1' });
    const seen = serve({ 'POST auth/refresh-token': fresh, 'GET forms': () => ok(1), 'GET invoices': () => ok(2), 'GET appointments': () => ok(3) });
    expect(await Promise.all([api('forms'), api('invoices'), api('appointments')])).toEqual([1, 2, 3]);
    const renewals = seen.filter((one) => one.route === 'POST auth/refresh-token');
    expect(renewals.map((one) => one.body)).toEqual([{ refreshToken: 'refresh1' }]);
    expect(deviceStore.get(keys.refreshToken)).toBe('refresh2');
    for (const one of seen.filter((each) => each.route.startsWith('GET'))) expect(one.headers.get('authorization')).toBe(pb.authStore.token);
  });

  it('is renewed when the server finds it expired, and the request is repeated once', async () => {
    const old = pb.authStore.token;
    const seen = serve({
      'POST auth/refresh-token': fresh,
      'GET forms': ({ headers }) => (headers.get('authorization') === old ? refuse(401, 'TOKEN_EXPIRED') : ok('there')),
    });
    // Ends a little later, so that the new token differs from the old one.
    storeTokens({ accessToken: old, refreshToken: 'refresh1' });
    vi.setSystemTime(Date.now() + 5000);
    expect(await api('forms')).toBe('there');
    expect(seen.map((one) => one.route)).toEqual(['GET forms', 'POST auth/refresh-token', 'GET forms']);
    expect(lost).not.toHaveBeenCalled();
  });

  it('does not renew a session that the server has ended', async () => {
    const seen = serve({ 'GET forms': () => refuse(401, 'SESSION_ENDED') });
    await failure(api('forms'));
    expect(seen.map((one) => one.route)).toEqual(['GET forms']);
    expect(lost).toHaveBeenCalledOnce();
  });

  it('ends the session when the renewal is refused, and never shows the refresh token again', async () => {
    const seen = serve({ 'GET forms': () => refuse(401, 'TOKEN_EXPIRED'), 'POST auth/refresh-token': () => refuse(401, 'REFRESH_REUSED') });
    await failure(api('forms'));
    expect(lost).toHaveBeenCalledOnce();
    await failure(api('forms'));
    expect(seen.filter((one) => one.route === 'POST auth/refresh-token')).toHaveLength(1);
  });

  it('keeps the session when the renewal could not be asked for', async () => {
    storeTokens({ accessToken: token(inSeconds(5)), refreshToken: 'refresh1' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(api('forms'))).toMatchObject({ code: 'OFFLINE' });
    expect(lost).not.toHaveBeenCalled();
    expect(deviceStore.get(keys.refreshToken)).toBe('refresh1');
  });

  it('leaves the session alone when a 401 speaks of a password or a code', async () => {
    const seen = serve({ 'POST auth/change-password': () => refuse(401, 'INVALID_CREDENTIALS') });
    expect(await failure(api('auth/change-password', { method: 'POST' }))).toMatchObject({ reason: 'INVALID_CREDENTIALS' });
    expect(seen).toHaveLength(1);
    expect(lost).not.toHaveBeenCalled();
  });

  it('is not renewed twice when another tab did it while this one waited', async () => {
    storeTokens({ accessToken: token(inSeconds(10)), refreshToken: 'refresh1' });
    const seen = serve({ 'POST auth/refresh-token': fresh });
    const request = vi.fn(async (_name: string, task: () => Promise<boolean>) => {
      // What the other tab left behind before it let go of the lock.
      storeTokens({ accessToken: token(inSeconds(3600)), refreshToken: 'refresh-of-the-other-tab' });
      return task();
    });
    vi.stubGlobal('navigator', Object.create(navigator, { locks: { value: { request } } }));
    expect(await refresh()).toBe(true);
    expect(request).toHaveBeenCalledOnce();
    expect(seen).toHaveLength(0);
    expect(deviceStore.get(keys.refreshToken)).toBe('refresh-of-the-other-tab');
  });
});

describe('a refused realtime subscription', () => {
  it('ends the session instead of being tried for ever', async () => {
    serve({ 'POST /api/realtime': () => refuse(401, 'SESSION_ENDED') });
    await pb.send('/api/realtime', { method: 'POST', body: {} }).catch(() => undefined);
    await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce());
  });

  it('renews an expired token', async () => {
    const seen = serve({ 'POST /api/realtime': () => refuse(401, 'TOKEN_EXPIRED'), 'POST auth/refresh-token': fresh });
    await pb.send('/api/realtime', { method: 'POST', body: {} }).catch(() => undefined);
    await vi.waitFor(() => expect(deviceStore.get(keys.refreshToken)).toBe('refresh2'));
    expect(seen).toHaveLength(2);
    expect(lost).not.toHaveBeenCalled();
  });
});

describe('apiBlob', () => {
  it('gives the file and its status, with the same credentials', async () => {
    const seen = serve({ 'GET forms/f1/pdf': () => ({ status: 202, body: { status: 'rendering' } }) });
    actFor('leo');
    const { status, blob } = await apiBlob('forms/f1/pdf');
    expect(status).toBe(202);
    expect(blob.size).toBeGreaterThan(0);
    expect(seen[0]?.headers.get('x-client-id')).toBe('leo');
    expect(seen[0]?.headers.get('authorization')).toBe(pb.authStore.token);
  });

  it('ends the session like any other request', async () => {
    serve({ 'GET forms/f1/pdf': () => refuse(401, 'SESSION_ENDED') });
    expect(await failure(apiBlob('forms/f1/pdf'))).toMatchObject({ status: 401 });
    expect(lost).toHaveBeenCalledOnce();
  });
});

describe('a session that the SDK started by itself', () => {
  beforeEach(() => deviceStore.set(keys.refreshToken, null));
  const renewed = () => ({ body: { token: token(inSeconds(3600)), record: { id: 'user1', collectionName: 'portal_users' } } });
  const route = 'POST /api/collections/portal_users/auth-refresh';

  it('exchanges its token in good time, and no more often than once a minute', async () => {
    vi.useFakeTimers({ now: Date.now() + 3_600_000 });
    pb.authStore.save(token(inSeconds(300)));
    const seen = serve({ 'GET forms': () => ok({}), [route]: () => ({ body: { token: token(inSeconds(310)), record: { id: 'user1', collectionName: 'portal_users' } } }) });
    await api('forms');
    await api('forms');
    expect(seen.map((one) => one.route)).toEqual([route, 'GET forms', 'GET forms']);
    vi.setSystemTime(Date.now() + 61_000);
    await api('forms');
    expect(seen.map((one) => one.route).slice(3)).toEqual([route, 'GET forms']);
  });

  it('goes on with the token it has when that fails', async () => {
    vi.useFakeTimers({ now: Date.now() + 7_200_000 });
    pb.authStore.save(token(inSeconds(300)));
    const seen = serve({ 'GET forms': () => ok({ forms: [] }), [route]: () => ({ status: 503, body: {} }) });
    expect(await api('forms')).toEqual({ forms: [] });
    expect(seen).toHaveLength(2);
  });

  it('leaves a young token alone', async () => {
    pb.authStore.save(renewed().body.token);
    const seen = serve({ 'GET forms': () => ok({}) });
    await api('forms');
    expect(seen).toHaveLength(1);
  });
});

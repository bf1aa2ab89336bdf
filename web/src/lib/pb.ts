import PocketBase, { BaseAuthStore, ClientResponseError, LocalAuthStore } from 'pocketbase';
import { learnServerTime, serverNow } from './clock';
import { deviceStore, keys } from './storage';
import type { ErrorCode, ErrorDetails, FieldProblem, Tokens, User } from './types';

/**
 * The one connection to the server. It speaks the portal's envelope, carries for whom the person acts,
 * and keeps the access token fresh. It holds no rule: what may be done is the server's to say.
 */
export const pb = new PocketBase('/', storageWorks() ? new LocalAuthStore('anteroom.auth') : new BaseAuthStore());
pb.autoCancellation(false);

const base = '/api/v1/portal/';

function storageWorks(): boolean {
  try {
    window.localStorage.setItem('anteroom.probe', '1');
    window.localStorage.removeItem('anteroom.probe');
    return true;
  } catch {
    return false;
  }
}

/** A refusal of the server, or a request that never reached it (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ErrorCode | 'OFFLINE';
  readonly reason?: string;
  readonly fields: Record<string, FieldProblem>;
  readonly details: ErrorDetails;
  /** Seconds to wait before the next try, when the server names them. */
  readonly retryAfter?: number;

  constructor(init: { status: number; code: ErrorCode | 'OFFLINE'; message: string; details?: ErrorDetails }) {
    super(init.message);
    this.name = 'ApiError';
    this.status = init.status;
    this.code = init.code;
    this.details = init.details ?? {};
    this.reason = this.details.reason;
    this.fields = this.details.fields ?? {};
    this.retryAfter = this.details.retryAfter;
  }
}

export interface ApiOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** A plain object is sent as JSON, FormData as multipart. */
  body?: unknown;
  query?: Record<string, string | number | boolean | undefined>;
  /** For whom; without it the client chosen in the person switch. */
  clientId?: string;
  /** A refetch nobody asked for: does not count as activity. */
  background?: boolean;
  /** Makes a repeat of the same POST harmless. Create it when the page opens, not when the button is pressed. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** Sign-in, registration and other routes that work without a session. A 401 there ends nothing. */
  anonymous?: boolean;
}

let actingClientId: string | undefined;

/** For whom requests act from now on. Set by the session, not by features. */
export function actFor(clientId: string | undefined): void {
  actingClientId = clientId;
}

let onSessionLost: () => void = () => {};

/** The session registers here what happens when the server no longer knows it. */
export function whenSessionIsLost(handler: () => void): void {
  onSessionLost = handler;
}

let onPasswordDemanded: () => void = () => {};

/** The session registers here what happens when the server answers nothing more before the password is changed. */
export function whenPasswordIsDemanded(handler: () => void): void {
  onPasswordDemanded = handler;
}

/**
 * Calls a portal route and gives the envelope's `data`. Rejects with ApiError, or with an AbortError
 * when `signal` aborted.
 */
export async function api<T>(path: string, options: ApiOptions = {}): Promise<T> {
  return (await apiSaid<T>(path, options)).data;
}

/** The same with what the server says about it, in the language of the page. */
export async function apiSaid<T>(path: string, options: ApiOptions = {}): Promise<{ data: T; message?: string }> {
  if (options.anonymous) return send<T>(path, options);
  return withFreshToken(() => send<T>(path, options));
}

/** A token may also expire between check and arrival: then one renewal, one repeat. */
export async function withFreshToken<T>(request: () => Promise<T>): Promise<T> {
  if (expiresWithin(30) && mayRenew()) await refresh();
  else if (expiresWithin(600) && !mayRenew()) await prolong();
  try {
    return await request();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'PASSWORD_CHANGE_REQUIRED') onPasswordDemanded();
    if (!meansNoSession(error)) throw error;
    if (!mayRenew(error.reason) || !(await refresh())) {
      onSessionLost();
      throw error;
    }
    return request().catch((second: unknown) => {
      if (meansNoSession(second)) onSessionLost();
      throw second;
    });
  }
}

/** A 401 may also mean a wrong password or code inside a session; that ends nothing. */
function meansNoSession(error: unknown): error is ApiError {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  return !error.reason || ['SESSION_ENDED', 'TOKEN_EXPIRED', 'SIGN_IN_REQUIRED'].includes(error.reason);
}

/** Fetches a file (PDF, calendar) with the same credentials. */
export function apiBlob(path: string, options: Pick<ApiOptions, 'clientId' | 'signal'> = {}): Promise<{ status: number; blob: Blob }> {
  return withFreshToken(() => fetchBlob(path, options));
}

async function fetchBlob(path: string, options: Pick<ApiOptions, 'clientId' | 'signal'>): Promise<{ status: number; blob: Blob }> {
  const response = await fetch(pathOf(path), {
    headers: credentials(options.clientId),
    signal: options.signal,
  }).catch((cause: unknown) => {
    throw options.signal?.aborted ? cause : offline();
  });
  learnServerTime(response.headers.get('date'));
  if (!response.ok) throw errorFrom(response.status, await response.json().catch(() => null));
  return { status: response.status, blob: await response.blob() };
}

/** What a request outside the SDK carries: who asks, and for whom. */
export function credentials(clientId = actingClientId): Record<string, string> {
  return { Authorization: pb.authStore.token, ...(clientId ? { 'X-Client-Id': clientId } : {}) };
}

export function pathOf(path: string): string {
  return path.startsWith('/') ? path : base + path;
}

async function send<T>(path: string, options: ApiOptions): Promise<{ data: T; message?: string }> {
  const headers: Record<string, string> = { 'Accept-Language': document.documentElement.lang || 'en' };
  const clientId = options.clientId ?? actingClientId;
  if (clientId && !options.anonymous) headers['X-Client-Id'] = clientId;
  if (options.background) headers['X-Background'] = '1';
  if (options.idempotencyKey) headers['Idempotency-Key'] = options.idempotencyKey;
  try {
    const answer = await pb.send<{ success: boolean; data: T; message?: string }>(pathOf(path), {
      method: options.method ?? 'GET',
      headers,
      body: options.body as BodyInit | undefined,
      query: options.query,
      signal: options.signal,
    });
    return answer;
  } catch (cause) {
    throw apiErrorOf(cause);
  }
}

/** A failure of the SDK in the portal's terms. */
export function apiErrorOf(cause: unknown): unknown {
  if (!(cause instanceof ClientResponseError)) return cause;
  if (cause.isAbort) return new DOMException('The request was cancelled.', 'AbortError');
  return cause.status === 0 ? offline() : errorFrom(cause.status, cause.response);
}

export function offline(): ApiError {
  return new ApiError({ status: 0, code: 'OFFLINE', message: 'The server cannot be reached.' });
}

/** The envelope's refusal, or what its status alone says where there is no envelope. */
export function errorFrom(status: number, body: unknown): ApiError {
  const envelope = (body ?? {}) as { message?: string; error?: { code?: ErrorCode; message?: string; details?: ErrorDetails } };
  const code: ErrorCode =
    envelope.error?.code ??
    (status === 401 ? 'UNAUTHORIZED' : status === 403 ? 'FORBIDDEN' : status === 404 ? 'NOT_FOUND' : status === 429 ? 'RATE_LIMITED' : status === 503 ? 'SERVICE_UNAVAILABLE' : status >= 500 ? 'INTERNAL_ERROR' : 'VALIDATION_ERROR');
  return new ApiError({
    status,
    code,
    message: envelope.error?.message ?? envelope.message ?? '',
    details: envelope.error?.details,
  });
}

// Tokens

/** Stores what a sign-in or a renewal gave. */
export function storeTokens(tokens: Pick<Tokens, 'accessToken' | 'refreshToken'>, user?: User): void {
  const record = user
    ? { id: user.id, email: user.email, collectionId: 'portal_users', collectionName: 'portal_users' }
    : pb.authStore.record;
  deviceStore.set(keys.refreshToken, tokens.refreshToken);
  pb.authStore.save(tokens.accessToken, record);
}

/** Another access token of the same session, after its password or address changed; its refresh token stays. */
export function storeAccessToken(accessToken: string, email?: string): void {
  const { record } = pb.authStore;
  pb.authStore.save(accessToken, record && email ? { ...record, email } : record);
}

export function forgetTokens(): void {
  deviceStore.set(keys.refreshToken, null);
  pb.authStore.clear();
}

/** Seconds since the epoch at which the access token ends; 0 without a token. */
export function tokenExpiry(): number {
  const payload = pb.authStore.token.split('.')[1];
  if (!payload) return 0;
  try {
    const claims = JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: number };
    return claims.exp ?? 0;
  } catch {
    return 0;
  }
}

function expiresWithin(seconds: number): boolean {
  const expiry = tokenExpiry();
  return expiry > 0 && expiry * 1000 - serverNow() < seconds * 1000;
}

function mayRenew(reason?: string): boolean {
  return reason !== 'SESSION_ENDED' && deviceStore.get(keys.refreshToken) !== null;
}

let renewal: Promise<boolean> | undefined;

/**
 * Renews the access token. At most one renewal runs at a time, in this tab and across tabs: the refresh token
 * is single use, and presenting it twice ends the session. Resolves to whether a fresh token is held, false when
 * the server refused; rejects when it could not be asked, which says nothing about the session.
 */
export function refresh(): Promise<boolean> {
  renewal ??= acrossTabs(renew).finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function acrossTabs(task: () => Promise<boolean>): Promise<boolean> {
  if (!('locks' in navigator)) return task();
  const before = pb.authStore.token;
  return navigator.locks.request('anteroom.refresh', async () => {
    // Another tab may have renewed while this one waited for the lock.
    if (pb.authStore.token !== before && !expiresWithin(30)) return true;
    return task();
  }) as Promise<boolean>;
}

async function renew(): Promise<boolean> {
  const refreshToken = deviceStore.get(keys.refreshToken);
  if (!refreshToken) return false;
  try {
    const { data: tokens } = await send<Tokens>('auth/refresh-token', { method: 'POST', body: { refreshToken }, anonymous: true });
    storeTokens(tokens);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500) throw error;
    deviceStore.set(keys.refreshToken, null);
    return false;
  }
}

/** A sign-in through the SDK alone (OAuth) brings no refresh token: a living access token is exchanged in good time. */
async function prolong(): Promise<void> {
  if (!pb.authStore.isValid || Date.now() - prolongedAt < 60_000) return;
  prolongedAt = Date.now();
  // Refused or out of reach: the token it has still holds for a while.
  await pb.collection('portal_users').authRefresh().catch(() => undefined);
}
let prolongedAt = 0;

// PocketBase's own traffic (realtime) does not pass through api(): a refused subscription would retry for ever.
pb.afterSend = (response, data) => {
  learnServerTime(response.headers.get('date'));
  if (response.status === 401 && new URL(response.url, location.origin).pathname === '/api/realtime') {
    const reason = (data as { error?: { details?: ErrorDetails } } | null)?.error?.details?.reason;
    const renewed = mayRenew(reason) ? refresh() : Promise.resolve(false);
    // Out of reach: the SDK tries again by itself.
    renewed.then((fresh) => fresh || onSessionLost()).catch(() => undefined);
  }
  return data;
};

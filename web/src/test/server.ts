import { vi } from 'vitest';
import type { Config, LoginData, SessionInfo } from '@/lib/types';

export interface Seen {
  /** "POST auth/login". */
  route: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

type Answer = { status?: number; body?: unknown; date?: Date } | Promise<{ status?: number; body?: unknown; date?: Date }>;
export type Routes = Record<string, (request: Seen) => Answer>;

/** The envelope around what a route gives. */
export const ok = (data: unknown, status = 200) => ({ status, body: { success: true, data } });
export const refuse = (status: number, reason?: string, details: Record<string, unknown> = {}, message = 'Refused.') => ({
  status,
  body: { success: false, message, error: { code: status === 401 ? 'UNAUTHORIZED' : status === 409 ? 'CONFLICT' : 'VALIDATION_ERROR', message, details: { reason, ...details } } },
});

/**
 * Answers the page's requests like the portal's server, through the global fetch that the SDK uses. A route that
 * is not listed fails the test. Gives what was asked, in order.
 */
export function serve(routes: Routes): Seen[] {
  const seen: Seen[] = [];
  vi.stubGlobal(
    'fetch',
    vi.fn(async (input: RequestInfo | URL, init: RequestInit = {}) => {
      init.signal?.throwIfAborted();
      const url = new URL(String(input), 'http://localhost');
      const route = `${init.method ?? 'GET'} ${url.pathname.replace('/api/v1/portal/', '')}`;
      const request: Seen = {
        route,
        query: url.searchParams,
        headers: new Headers(init.headers),
        body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body,
      };
      seen.push(request);
      const answer = routes[route];
      if (!answer) throw new Error(`The test's server has no route ${route}`);
      const { status = 200, body, date } = await answer(request);
      const response = new Response(body === undefined ? null : JSON.stringify(body), {
        status,
        headers: { 'content-type': 'application/json', ...(date ? { date: date.toUTCString() } : {}) },
      });
      Object.defineProperty(response, 'url', { value: url.href });
      return response;
    }),
  );
  return seen;
}

/** An access token as PocketBase makes them, ending at `exp` (seconds since the epoch). */
export function token(exp: number, id = 'user1'): string {
  const encode = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, '');
  return `${encode({ alg: 'HS256' })}.${encode({ id, exp, type: 'auth', collectionId: 'portal_users' })}.signature`;
}

export const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

export function sessionInfo(over: Partial<SessionInfo> = {}): SessionInfo {
  return {
    id: 'session1',
    idleExpiresAt: new Date(Date.now() + 15 * 60_000).toISOString(),
    absoluteExpiresAt: new Date(Date.now() + 8 * 3_600_000).toISOString(),
    remembered: false,
    defaultClientId: 'maya',
    clients: [
      { clientId: 'maya', firstName: 'Maya', lastName: 'Okafor', relationship: 'self', scope: 'all' },
      { clientId: 'leo', firstName: 'Leo', lastName: 'Okafor', relationship: 'parent', scope: 'all' },
    ],
    ...over,
  };
}

export function loginData(over: Partial<SessionInfo> = {}): LoginData {
  return {
    user: { id: 'user1', email: 'maya@okafor.example', firstName: 'Maya', lastName: 'Okafor', clientId: 'maya', mfaEnabled: false },
    tokens: { accessToken: token(inSeconds(3600)), refreshToken: 'refresh1', expiresIn: 3600 },
    session: sessionInfo(over),
  };
}

export const clinic: Config = {
  clinicName: 'Juniper House',
  timeZone: 'America/Denver',
  languages: ['en', 'es'],
  accentColor: 'teal',
  features: { passkeys: false, magicLink: false, oauth: [], sms: false, instantBooking: false, payments: 'test', webPush: false },
  passwordPolicy: { minLength: 12, classes: true },
  crisisText: '',
  demo: false,
  version: 'test',
  phone: '(303) 555-0142',
};

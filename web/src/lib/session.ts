import { useSyncExternalStore } from 'react';
import { serverNow } from './clock';
import { forgetNext } from './nextPath';
import { actFor, api, ApiError, forgetTokens, pb, storeAccessToken, storeTokens, whenPasswordIsDemanded, whenSessionIsLost } from './pb';
import { deviceStore, keys, tabStore } from './storage';
import type { ActsFor, LoginData, SessionData, SessionInfo, User } from './types';

/**
 * Who is signed in, for whom they act, and how long it lasts. The server decides all three; this is the page's
 * copy, shared by every component and followed by the other tabs of the same browser.
 */
export type SessionState =
  | { status: 'loading' }
  /** `ended` says why, when a session on this page has just come to its end. */
  | { status: 'guest'; ended?: EndReason }
  | { status: 'unreachable' }
  | {
      status: 'signed-in';
      user: User;
      session: SessionInfo;
      /** The client whose record is on screen. */
      clientId: string;
      /** Length of the idle limit in milliseconds, as learned from the server. */
      idleMs: number;
    };

export type EndReason = 'signed-out' | 'idle' | 'limit' | 'ended' | 'closed';

type TabMessage = { type: 'ended'; reason: EndReason } | { type: 'extended'; session: SessionInfo } | { type: 'signed-in'; sessionId: string };

let state: SessionState = { status: 'loading' };
const listeners = new Set<() => void>();
const endListeners = new Set<() => void>();
const switchListeners = new Set<(formerClientId: string) => void>();
const tabs = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('anteroom.session');

function set(next: SessionState): void {
  const former = state.status === 'signed-in' && next.status === 'signed-in' && state.clientId !== next.clientId ? state.clientId : undefined;
  state = next;
  actFor(next.status === 'signed-in' ? next.clientId : undefined);
  for (const listener of listeners) listener();
  if (former) for (const listener of switchListeners) listener(former);
}

export function getSession(): SessionState {
  return state;
}

export function useSession(): SessionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSession,
  );
}

/** The client on screen, or undefined for guests. */
export function useClientId(): string | undefined {
  const current = useSession();
  return current.status === 'signed-in' ? current.clientId : undefined;
}

/** The person whose record is on screen, and whether that is somebody else's. */
export function useActingFor(): { client?: ActsFor; forSomeoneElse: boolean } {
  const current = useSession();
  if (current.status !== 'signed-in') return { forSomeoneElse: false };
  const client = current.session.clients.find((one) => one.clientId === current.clientId);
  return { client, forSomeoneElse: client !== undefined && client.relationship !== 'self' };
}

/** Called once the screen has been cleared. */
export function onSessionEnd(listener: () => void): () => void {
  endListeners.add(listener);
  return () => endListeners.delete(listener);
}

/** Called with the former client when another person's record comes on screen. */
export function onClientSwitch(listener: (formerClientId: string) => void): () => void {
  switchListeners.add(listener);
  return () => switchListeners.delete(listener);
}

/** Takes over what a successful sign-in answered. */
export function signIn(data: LoginData): void {
  storeTokens(data.tokens, data.user);
  enter(data.user, data.session, Date.parse(data.session.idleExpiresAt) - serverNow());
  tell({ type: 'signed-in', sessionId: data.session.id });
}

/** Takes over a session that the SDK started by itself (OAuth): its token is stored, the rest is the server's to tell. */
export async function adoptSession(): Promise<void> {
  deviceStore.set(keys.refreshToken, null);
  await loadSession();
  if (state.status === 'signed-in') tell({ type: 'signed-in', sessionId: state.session.id });
}

/** Asks the server whether the stored token still belongs to a session. */
export async function loadSession(): Promise<void> {
  if (!pb.authStore.token) {
    set({ status: 'guest' });
    return;
  }
  try {
    const data = await api<SessionData>('auth/session');
    // Opening the portal is activity; the answer tells the full length of the idle limit.
    const session = await api<SessionInfo>('auth/session/extend', { method: 'POST' });
    enter(data.user, session, Date.parse(session.idleExpiresAt) - serverNow());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      forgetTokens();
      set({ status: 'guest' });
    } else {
      set({ status: 'unreachable' });
    }
  }
}

/** Starts the idle limit anew. Rejects when the session is gone (which also signs out) or out of reach. */
export async function extendSession(): Promise<void> {
  update(await api<SessionInfo>('auth/session/extend', { method: 'POST' }));
}

/** Asks for the limits without starting them anew. */
export async function checkSession(): Promise<void> {
  update((await api<SessionData>('auth/session', { background: true })).session);
}

/** Goes on with the token that a change of password or address answered, and with the new address. */
export function renewSession({ accessToken, email }: { accessToken: string; email?: string }): void {
  storeAccessToken(accessToken, email);
  if (state.status === 'signed-in' && email) set({ ...state, user: { ...state.user, email } });
}

/** Whether the server waits for another password before it answers anything else. */
export function mustChangePassword(current: SessionState): boolean {
  return current.status === 'signed-in' && current.session.mustDo?.includes('change_password') === true;
}

/** The password is changed: goes on with the token that this answered. */
export function passwordChanged(accessToken: string): void {
  renewSession({ accessToken });
  if (state.status === 'signed-in') update({ ...state.session, mustDo: [] });
}

/** Keeps until when the proof counts that was just given. */
export function noteProof(provenUntil: string): void {
  if (state.status === 'signed-in') set({ ...state, session: { ...state.session, provenUntil } });
}

/** Shows another person's record. What is cached of the former one is dropped. */
export function switchClient(clientId: string): void {
  if (state.status !== 'signed-in') return;
  if (!state.session.clients.some((one) => one.clientId === clientId)) return;
  tabStore.set(keys.actingClient, clientId);
  set({ ...state, clientId });
}

/** Tells the server, then clears. The screen does not wait for the server's answer. */
export async function signOut(): Promise<void> {
  const farewell = api<unknown>('auth/logout', { method: 'POST', anonymous: true });
  endSession('signed-out');
  await farewell.catch(() => undefined);
}

/** Clears the screen first, then forgets, then tells the other tabs. */
export function endSession(reason: EndReason, fromOtherTab = false): void {
  if (state.status === 'guest') return;
  // Found dead while the page opened: nothing was on screen, so there is nothing to explain.
  const ended = state.status === 'signed-in' ? reason : undefined;
  set({ status: 'guest', ended });
  void pb.realtime.unsubscribe().catch(() => undefined);
  forgetTokens();
  tabStore.set(keys.actingClient, null);
  forgetNext();
  if (!fromOtherTab) tell({ type: 'ended', reason });
  for (const listener of endListeners) listener();
}

/** The person has read why; from now on they are simply a guest. */
export function acknowledgeEnd(): void {
  if (state.status === 'guest' && state.ended) set({ status: 'guest' });
}

function enter(user: User, session: SessionInfo, idleMs: number): void {
  const wished = tabStore.get(keys.actingClient);
  const clientId = session.clients.some((one) => one.clientId === wished) ? wished! : session.defaultClientId;
  set({ status: 'signed-in', user, session, clientId, idleMs });
}

function update(session: SessionInfo): void {
  if (state.status !== 'signed-in') return;
  // A client one may no longer act for disappears from the list: fall back to one's own record.
  const { clientId } = state;
  set({ ...state, session, clientId: session.clients.some((one) => one.clientId === clientId) ? clientId : session.defaultClientId });
  tell({ type: 'extended', session });
}

function tell(message: TabMessage): void {
  tabs?.postMessage(message);
}

tabs?.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
  if (data.type === 'ended') endSession(data.reason, true);
  else if (data.type === 'extended' && state.status === 'signed-in' && data.session.id === state.session.id) {
    set({ ...state, session: data.session });
  } else if (data.type === 'signed-in' && !(state.status === 'signed-in' && state.session.id === data.sessionId)) {
    // The tabs share one token: whoever signed in there is now signed in here too.
    set({ status: 'loading' });
    for (const listener of endListeners) listener();
    void loadSession();
  }
});

let farewell: Promise<EndReason> | undefined;

/** Makes a request that ends the session. Until its answer is there, nothing else tells why: the server may cut the page off first. */
export async function endBy<T>(request: () => Promise<T>, reason: EndReason): Promise<T> {
  const answer = request();
  farewell = answer.then(
    () => reason,
    () => 'ended',
  );
  try {
    const data = await answer;
    endSession(reason);
    return data;
  } finally {
    farewell = undefined;
  }
}

whenSessionIsLost(() => {
  if (farewell) void farewell.then((reason) => endSession(reason));
  else endSession('ended');
});

whenPasswordIsDemanded(() => {
  if (state.status === 'signed-in' && !mustChangePassword(state)) set({ ...state, session: { ...state.session, mustDo: ['change_password'] } });
});

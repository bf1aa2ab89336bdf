import { act, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endSession, getSession, signIn, useSession } from '@/lib/session';
import { loginData, ok, refuse, serve, sessionInfo, type Routes, type Seen } from '@/test/server';
import { renderRoutes } from '@/test/render';
import { SessionKeeper } from './SessionKeeper';
import './IdleDialog';

const minute = 60_000;
/** What the server believes; every answer carries it. */
let idleAt: number;
let absoluteAt: number;
let seen: Seen[];

const current = () => sessionInfo({ idleExpiresAt: new Date(idleAt).toISOString(), absoluteExpiresAt: new Date(absoluteAt).toISOString() });
const routes: Routes = {
  'GET auth/session': () => ({ ...ok({ user: loginData().user, session: current() }), date: new Date() }),
  'POST auth/session/extend': () => {
    idleAt = Date.now() + 15 * minute;
    return { ...ok(current()), date: new Date() };
  },
  'POST auth/logout': () => ok({}),
};

function Host() {
  const session = useSession();
  return session.status === 'signed-in' ? <SessionKeeper session={session.session} idleMs={session.idleMs} /> : <p>Screen cleared</p>;
}

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse('2026-11-30T12:00:00Z') });
  idleAt = Date.now() + 15 * minute;
  absoluteAt = Date.now() + 8 * 60 * minute;
  seen = serve(routes);
  signIn({ ...loginData(), session: current() });
  renderRoutes([{ path: '/', element: <Host /> }], '/');
  await pass(0);
});
afterEach(() => endSession('signed-out'));

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const asked = (route: string) => seen.filter((one) => one.route === route).length;
const dialog = () => screen.queryByRole('alertdialog');

describe('while somebody is there', () => {
  it('starts the limit anew, at most every two minutes', async () => {
    for (let second = 0; second < 300; second += 5) {
      fireEvent.keyDown(window, { key: 'a' });
      await pass(5000);
    }
    expect(asked('POST auth/session/extend')).toBe(2);
    expect(dialog()).toBeNull();
  });

  it('never warns', async () => {
    for (let i = 0; i < 30; i++) {
      fireEvent.pointerMove(window);
      await pass(minute);
    }
    expect(dialog()).toBeNull();
    expect(getSession().status).toBe('signed-in');
  });

  it('asks nothing when nobody moves', async () => {
    await pass(12 * minute);
    expect(seen).toHaveLength(0);
  });
});

describe('after thirteen minutes', () => {
  it('asks the server first and warns with the time left', async () => {
    await pass(13 * minute);
    expect(asked('GET auth/session')).toBe(1);
    expect(dialog()).toHaveTextContent('Are you still there?');
    expect(dialog()).toHaveTextContent('in 2 minutes');
    expect(screen.getByRole('button', { name: 'Stay signed in' })).toHaveFocus();
    await pass(minute);
    expect(dialog()).toHaveTextContent('in 1 minute');
    await pass(30_000);
    expect(dialog()).toHaveTextContent('in 30 seconds');
    await pass(20_000);
    expect(dialog()).toHaveTextContent('in 10 seconds');
  });

  it('does not warn when another device has moved the limit', async () => {
    idleAt += 10 * minute;
    await pass(13 * minute);
    expect(dialog()).toBeNull();
    await pass(10 * minute);
    expect(dialog()).not.toBeNull();
  });

  it('stays on request', async () => {
    await pass(13 * minute);
    fireEvent.click(screen.getByRole('button', { name: 'Stay signed in' }));
    await pass(0);
    expect(dialog()).toBeNull();
    await pass(5 * minute);
    expect(getSession().status).toBe('signed-in');
  });

  it('is not satisfied by a moving mouse', async () => {
    await pass(13 * minute);
    fireEvent.pointerMove(window);
    await pass(2 * minute);
    expect(asked('POST auth/session/extend')).toBe(0);
    expect(getSession()).toEqual({ status: 'guest', ended: 'idle' });
  });

  it('says so when staying failed, and ends in time all the same', async () => {
    await pass(13 * minute);
    routes['POST auth/session/extend'] = () => refuse(503);
    fireEvent.click(screen.getByRole('button', { name: 'Stay signed in' }));
    await pass(0);
    expect(dialog()).toHaveTextContent('That did not work');
    await pass(2 * minute);
    expect(getSession()).toEqual({ status: 'guest', ended: 'idle' });
  });

  it('signs out on request', async () => {
    await pass(13 * minute);
    fireEvent.click(screen.getByRole('button', { name: 'Sign out now' }));
    expect(getSession()).toEqual({ status: 'guest', ended: 'signed-out' });
    await pass(0);
    expect(asked('POST auth/logout')).toBe(1);
  });
});

describe('at the end', () => {
  it('clears the screen without asking anybody', async () => {
    await pass(13 * minute);
    const before = seen.length;
    await pass(2 * minute);
    expect(screen.getByText('Screen cleared')).toBeInTheDocument();
    expect(dialog()).toBeNull();
    expect(seen.slice(before).filter((one) => one.route.includes('auth/'))).toEqual([]);
  });

  it('clears at once after the computer has slept through it', async () => {
    vi.setSystemTime(Date.now() + 60 * minute);
    fireEvent(document, new Event('visibilitychange'));
    await pass(0);
    expect(getSession()).toEqual({ status: 'guest', ended: 'idle' });
  });
});

describe('the eight hour limit', () => {
  it('offers no way to stay', async () => {
    absoluteAt = Date.now() + 14 * minute;
    fireEvent.keyDown(window, { key: 'a' });
    await pass(2 * minute);
    await pass(11 * minute);
    expect(dialog()).toHaveTextContent('You’ve been signed in as long as one sign-in lasts.');
    expect(screen.queryByRole('button', { name: 'Stay signed in' })).toBeNull();
    await pass(2 * minute);
    expect(getSession()).toEqual({ status: 'guest', ended: 'limit' });
  });
});

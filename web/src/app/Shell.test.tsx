import { act, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Page } from '@/components/Page';
import { pb } from '@/lib/pb';
import { queryClient } from '@/lib/query';
import { acknowledgeEnd, endSession, getSession, loadSession, signIn } from '@/lib/session';
import type { PortalEvent } from '@/lib/types';
import { renderRoutes } from '@/test/render';
import { loginData, ok, serve } from '@/test/server';
import { Component as Shell } from './Shell';

// The stream itself is the SDK's and the server's affair; here only what the page does with an event.
let send: (topic: string, event: unknown) => void;
beforeEach(() => {
  const listeners = new Map<string, (event: unknown) => void>();
  vi.spyOn(pb.realtime, 'subscribe').mockImplementation((topic, callback) => {
    listeners.set(topic, callback);
    return Promise.resolve(() => Promise.resolve(void listeners.delete(topic)));
  });
  vi.spyOn(pb.realtime, 'unsubscribe').mockResolvedValue();
  send = (topic, event) => listeners.get(topic)?.(event);
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

const Where = () => <h1>Outside</h1>;
const open = (at = '/forms/f1?page=2') => {
  const seen = serve({
    'GET notifications': () => ok({ notifications: [], unreadCount: 3, pagination: { page: 1, limit: 1, total: 3, totalPages: 3 } }),
    'POST auth/logout': () => ok({}),
  });
  const view = renderRoutes(
    [
      {
        element: <Shell />,
        children: [
          { path: '/forms/:id', element: <Page title="A form" />, handle: { task: true } },
          { path: '/dashboard', element: <Page title="Home page" /> },
        ],
      },
      { path: '*', element: <Where /> },
    ],
    at,
  );
  const address = () => view.router.state.location.pathname + view.router.state.location.search;
  return { ...view, seen, address };
};

describe('without a session', () => {
  it('leads to the sign-in page and keeps the address', async () => {
    await loadSession();
    const { address } = open();
    await screen.findByText('Outside');
    expect(address()).toBe('/login?next=%2Fforms%2Ff1%3Fpage%3D2');
  });
});

describe('with a session', () => {
  beforeEach(() => signIn(loginData()));

  it('names the pages that exist, and no other', async () => {
    open('/dashboard');
    const [rail] = await screen.findAllByRole('navigation', { name: 'Main' });
    expect(within(rail!).getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual(['/dashboard', '/appointments', '/forms', '/payments', '/notifications', '/profile']);
    expect(within(rail!).getByRole('link', { name: 'Home' })).toHaveAttribute('aria-current', 'page');
    expect(await within(rail!).findByText('3 unread')).toBeInTheDocument();
  });

  it('gives the tab bar’s place to the task', async () => {
    open('/forms/f1');
    await screen.findByRole('heading', { name: 'A form' });
    expect(screen.getAllByRole('navigation')).toHaveLength(1);
  });

  it('is empty the moment the session ends, and says why', async () => {
    const { address } = open();
    await screen.findByRole('heading', { name: 'A form' });
    act(() => endSession('idle'));
    expect(screen.queryByRole('heading', { name: 'A form' })).toBeNull();
    await screen.findByText('Outside');
    expect(address()).toBe('/signed-out?reason=idle&next=%2Fforms%2Ff1%3Fpage%3D2');
  });

  it('switches to the person one acts for, says so on the page, and back', async () => {
    const { user, seen } = open('/dashboard');
    await screen.findByRole('heading', { name: 'Home page' });
    await user.click(screen.getByRole('button', { name: 'Maya Okafor, your menu' }));
    await user.click(await screen.findByRole('menuitemradio', { name: 'Leo Okafor' }));
    expect(await screen.findByText('You are looking after Leo’s care.')).toBeInTheDocument();
    expect(seen.at(-1)?.headers.get('x-client-id')).toBe('leo');
    await user.click(screen.getByRole('button', { name: 'Switch to yours' }));
    expect(screen.queryByText('You are looking after Leo’s care.')).toBeNull();
  });

  it('forgets what it read of the former person', async () => {
    const { user } = open('/dashboard');
    await screen.findByRole('heading', { name: 'Home page' });
    queryClient.setQueryData(['forms', 'maya', 'forms', {}], { private: true });
    await user.click(screen.getByRole('button', { name: 'Maya Okafor, your menu' }));
    await user.click(await screen.findByRole('menuitemradio', { name: 'Leo Okafor' }));
    await screen.findByText('You are looking after Leo’s care.');
    expect(queryClient.getQueryData(['forms', 'maya', 'forms', {}])).toBeUndefined();
  });

  it('follows a link to another person’s record, and lets go of it afterwards', async () => {
    const { user, seen, address } = open('/forms/f1?clientId=leo&page=2');
    expect(await screen.findByText('You are looking after Leo’s care.')).toBeInTheDocument();
    expect(address()).toBe('/forms/f1?page=2');
    expect(seen.every((one) => one.headers.get('x-client-id') === 'leo')).toBe(true);
    await user.click(screen.getByRole('button', { name: 'Switch to yours' }));
    await screen.findByRole('heading', { name: 'Home page' });
    expect(getSession()).toMatchObject({ clientId: 'maya' });
  });

  it('does not switch to a person one may not act for', async () => {
    open('/forms/f1?clientId=stranger');
    await screen.findByRole('heading', { name: 'A form' });
    expect(getSession()).toMatchObject({ clientId: 'maya' });
  });

  it('names the person on phones too, in every task', async () => {
    open('/forms/f1?clientId=leo');
    await screen.findByRole('heading', { name: 'A form' });
    expect(screen.getAllByRole('button', { name: /^Leo.*, your menu$/ })).toHaveLength(2);
  });

  it('leads to the security and family pages from the menu', async () => {
    const { user, address } = open('/dashboard');
    await user.click(await screen.findByRole('button', { name: 'Maya Okafor, your menu' }));
    expect(await screen.findByRole('menuitem', { name: 'Family and access' })).toBeInTheDocument();
    await user.click(screen.getByRole('menuitem', { name: 'Sign-in and security' }));
    await screen.findByText('Outside');
    expect(address()).toBe('/settings/security');
  });

  it('signs out from the menu', async () => {
    const { user, seen, address } = open('/dashboard');
    await user.click(await screen.findByRole('button', { name: 'Maya Okafor, your menu' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    await screen.findByText('Outside');
    expect(address()).toBe('/signed-out?reason=signed-out');
    expect(seen.some((one) => one.route === 'POST auth/logout')).toBe(true);
    expect(getSession().status).toBe('guest');
  });

  it('fetches anew what an event concerns, once for a burst', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    open('/dashboard');
    await screen.findByRole('heading', { name: 'Home page' });
    const invalidate = vi.spyOn(queryClient, 'invalidateQueries');
    const event: PortalEvent = { type: 'update', collection: 'appointments', id: 'a1', clientId: 'maya', at: '2026-11-30T12:00:00Z' };
    send('portal', event);
    send('portal', event);
    send('portal', { ...event, collection: 'portal_notifications' });
    send('portal', { ...event, collection: 'something_else' });
    expect(invalidate).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(invalidate.mock.calls.map(([filter]) => filter?.queryKey)).toEqual([['appointments'], ['group-bookings'], ['notifications']]);
  });

  it('fetches everything anew after a lost connection, not at the first one', async () => {
    open('/dashboard');
    await screen.findByRole('heading', { name: 'Home page' });
    const invalidate = vi.spyOn(queryClient, 'invalidateQueries');
    send('PB_CONNECT', {});
    expect(invalidate).not.toHaveBeenCalled();
    send('PB_CONNECT', {});
    expect(invalidate).toHaveBeenCalledOnce();
  });
});

import { screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Component as Shell } from '@/app/Shell';
import { api, pb } from '@/lib/pb';
import { acknowledgeEnd, endSession, getSession, mustChangePassword, signIn } from '@/lib/session';
import { renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { keptRoutes, routes as authRoutes } from '.';

const pages = [...authRoutes, ...keptRoutes, { element: <Shell />, children: [{ path: '/forms/:id', element: <h1>Form</h1> }, { path: '/dashboard', element: <h1>Home</h1> }] }];
const open = (at: string, routes: Routes = {}) => {
  const seen = serve({ 'GET notifications': () => ok({ notifications: [], unreadCount: 0, pagination: { page: 1, limit: 1, total: 0, totalPages: 0 } }), 'POST auth/logout': () => ok({}), ...routes });
  return { seen, ...renderRoutes(pages, at) };
};

beforeEach(() => {
  vi.spyOn(pb.realtime, 'subscribe').mockResolvedValue(() => Promise.resolve());
  vi.spyOn(pb.realtime, 'unsubscribe').mockResolvedValue();
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

const change = async (user: ReturnType<typeof open>['user']) => {
  await user.type(await screen.findByLabelText('Current password'), 'Old-Password-1!');
  await user.type(screen.getByLabelText('New password'), 'Good-Password-1!');
  await user.click(screen.getByRole('button', { name: 'Save the new password' }));
};

it('comes before everything else, says why, and then goes on to where the person wanted to be', async () => {
  signIn(loginData({ mustDo: ['change_password'] }));
  const { user, seen, router } = open('/forms/f1?page=2', { 'POST auth/change-password': () => ok({ changed: true, accessToken: loginData().tokens.accessToken, expiresIn: 3600 }) });
  expect(await screen.findByText(/^The clinic asks you to choose a new password/)).toBeInTheDocument();
  expect(seen).toHaveLength(0);
  await change(user);
  await screen.findByRole('heading', { name: 'Form' });
  expect(router.state.location.pathname + router.state.location.search).toBe('/forms/f1?page=2');
  expect(seen[0]?.body).toEqual({ currentPassword: 'Old-Password-1!', newPassword: 'Good-Password-1!' });
});

it('follows signing in', async () => {
  const { user, router } = open('/login?next=%2Fforms%2Ff1', { 'POST auth/login': () => ok(loginData({ mustDo: ['change_password'] })) });
  await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
  await user.type(screen.getByLabelText('Password'), 'Old-Password-1!');
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
  await screen.findByLabelText('Current password');
  expect(router.state.location.search).toBe('?next=%2Fforms%2Ff1');
});

it('begins when any answer demands it', async () => {
  signIn(loginData());
  open('/forms/f1', { 'GET forms': () => refuse(403, 'PASSWORD_CHANGE_REQUIRED') });
  await screen.findByRole('heading', { name: 'Form' });
  await api('forms').catch(() => undefined);
  expect(await screen.findByLabelText('Current password')).toBeInTheDocument();
});

it('puts the server’s objections at their fields', async () => {
  signIn(loginData({ mustDo: ['change_password'] }));
  const { user } = open('/change-password', {
    'POST auth/change-password': () => refuse(400, 'WRONG_PASSWORD', { fields: { currentPassword: { code: 'wrong', message: 'That is not your current password.' } } }),
  });
  await change(user);
  expect(await screen.findByRole('group', { name: 'There is 1 thing to fix' })).toBeInTheDocument();
  expect(screen.getByLabelText('Current password')).toHaveAccessibleDescription(/That is not your current password\./);
  expect(mustChangePassword(getSession())).toBe(true);
});

it('can be left by signing out', async () => {
  signIn(loginData({ mustDo: ['change_password'] }));
  const { user } = open('/change-password');
  await user.click(await screen.findByRole('button', { name: 'Sign out' }));
  expect(await screen.findByText('You’re signed out. You can close this page.')).toBeInTheDocument();
});

it('is nobody’s page who need not', async () => {
  signIn(loginData());
  const { router } = open('/change-password?next=%2Fforms%2Ff1');
  await screen.findByRole('heading', { name: 'Form' });
  expect(router.state.location.pathname).toBe('/forms/f1');
});

it('asks a guest to sign in first', async () => {
  const { router } = open('/change-password');
  await screen.findByLabelText('Email');
  expect(router.state.location.search).toBe('?next=%2Fchange-password');
});

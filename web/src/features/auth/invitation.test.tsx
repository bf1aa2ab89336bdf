import { screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { acknowledgeEnd, endSession, getSession, loadSession, signIn } from '@/lib/session';
import { keys, tabStore } from '@/lib/storage';
import type { Invitation } from '@/lib/types';
import { mailed, renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, sessionInfo, type Routes } from '@/test/server';
import { keptRoutes, routes as authRoutes } from '.';

const pages = [...authRoutes, ...keptRoutes, { path: '/dashboard', element: <h1>Home</h1> }];
const invitation: Invitation = { emailHint: 'l•••@okafor.example', relationship: 'parent', scope: 'appointments_forms', expiresAt: '2026-12-01T20:00:00Z', hasLogin: false };
const open = (routes: Routes, over: Partial<Invitation> = {}, at: Parameters<typeof renderRoutes>[1] = mailed('/invitation')) => {
  const seen = serve({ 'POST auth/invitations/open': () => ok({ ...invitation, ...over }), ...routes });
  return { seen, ...renderRoutes(pages, at) };
};
type User = ReturnType<typeof open>['user'];

beforeEach(() => loadSession());
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

const born = async (user: User) => {
  await user.type(await screen.findByLabelText('Month'), '4');
  await user.type(screen.getByLabelText('Day'), '27');
  await user.type(screen.getByLabelText('Year'), '2018');
};
const fill = async (user: User) => {
  await born(user);
  await user.type(screen.getByLabelText('Your first name'), ' Lee ');
  await user.type(screen.getByLabelText('Your last name'), 'Okafor');
  await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
  await user.click(screen.getByRole('button', { name: 'Accept and set up my access' }));
};

describe('an invitation', () => {
  it('says who invites, to what, for which address and until when, and keeps its token for this tab', async () => {
    const { seen } = open({});
    expect(await screen.findByText('Juniper House invites you to look after your child’s care online.')).toBeInTheDocument();
    expect(screen.getByText('You will see visits and forms, but no bills.')).toBeInTheDocument();
    expect(screen.getByText(/^It is for l•••@okafor.example and works until December 1 at 1:00/)).toBeInTheDocument();
    expect(screen.getByRole('group', { name: 'Date of birth of the person you will act for' })).toBeInTheDocument();
    expect(seen.map((one) => [one.route, one.body])).toEqual([['POST auth/invitations/open', { token: 'abc' }]]);
    expect(tabStore.get(keys.invitation)).toBe('abc');
  });

  it('becomes a sign-in of one’s own, and is then used up', async () => {
    const { user, seen } = open({
      'POST auth/invitations/accept': () => ok({ portalUserId: 'user2', email: 'lee@okafor.example' }, 201),
      'POST auth/login': () => ok(loginData()),
    });
    await fill(user);
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen[1]?.body).toEqual({ token: 'abc', dateOfBirth: '2018-04-27', firstName: 'Lee', lastName: 'Okafor', password: 'Good-Password-1!' });
    expect(seen[2]?.body).toEqual({ email: 'lee@okafor.example', password: 'Good-Password-1!' });
    expect(tabStore.get(keys.invitation)).toBeNull();
  });

  it('asks for the second step where the clinic requires one', async () => {
    const { user } = open({
      'POST auth/invitations/accept': () => ok({ portalUserId: 'user2', email: 'lee@okafor.example' }, 201),
      'POST auth/login': ({ body }) => ((body as { mfaCode?: string }).mfaCode ? ok(loginData()) : refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['email'], expiresIn: 300 })),
      'POST auth/mfa/challenge': () => ok({ sent: true, expiresIn: 300 }),
    });
    await fill(user);
    await user.type(await screen.findByLabelText('Code'), '123456');
    await screen.findByRole('heading', { name: 'Home' });
  });

  it('lists what is missing', async () => {
    const { user, seen } = open({});
    await user.click(await screen.findByRole('button', { name: 'Accept and set up my access' }));
    expect(await screen.findByRole('group', { name: 'There are 4 things to fix' })).toHaveFocus();
    expect(seen).toHaveLength(1);
  });

  it('keeps what was typed after a wrong date', async () => {
    const { user } = open({ 'POST auth/invitations/accept': () => refuse(400, 'IDENTITY_NOT_CONFIRMED') });
    await fill(user);
    expect(await screen.findByText(/^That date of birth doesn’t match/)).toBeInTheDocument();
    expect(screen.getByLabelText('Year')).toHaveValue('2018');
    expect(screen.getByLabelText('Your first name')).toHaveValue(' Lee ');
  });

  it('that died after five wrong dates offers a fresh one', async () => {
    const { user, seen } = open({ 'POST auth/invitations/accept': () => refuse(400, 'LINK_INVALID'), 'POST auth/invitations/renew': () => ok({ sent: true }) });
    await fill(user);
    await user.click(await screen.findByRole('button', { name: 'Send a new link' }));
    expect(await screen.findByText(/a new message is on its way/)).toBeInTheDocument();
    expect(seen.at(-1)).toMatchObject({ route: 'POST auth/invitations/renew', body: { token: 'abc' } });
  });

  it('that is dead from the start does too', async () => {
    open({ 'POST auth/invitations/open': () => refuse(400, 'LINK_INVALID') });
    expect(await screen.findByRole('button', { name: 'Send a new link' })).toBeInTheDocument();
  });

  it('can be tried again when the server could not be asked', async () => {
    let down = true;
    const { user } = open({ 'POST auth/invitations/open': () => (down ? refuse(503) : ok(invitation)) });
    expect(await screen.findByRole('alert')).toHaveTextContent('Something went wrong on our side');
    down = false;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByLabelText('Month')).toBeInTheDocument();
  });

  it('whose link was cut off says so', async () => {
    open({}, {}, '/invitation');
    expect(await screen.findByText(/It may have been cut off/)).toBeInTheDocument();
  });
});

describe('somebody who signs in already', () => {
  const joined = { clientId: 'zoe', firstName: 'Zoe', lastName: 'Okafor', relationship: 'parent' as const, scope: 'all' as const };

  it('signs in first, comes back, and sees the new person', async () => {
    const { user, seen, router } = open(
      {
        'POST auth/login': () => ok(loginData()),
        'POST auth/invitations/join': () => ok({ clientId: 'zoe' }, 201),
        'POST auth/session/extend': () => ok(sessionInfo({ clients: [...sessionInfo().clients, joined] })),
      },
      { hasLogin: true },
    );
    await user.click(await screen.findByRole('link', { name: 'Sign in to accept' }));
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await born(user);
    expect(router.state.location.pathname).toBe('/invitation');
    await user.click(screen.getByRole('button', { name: 'Accept the invitation' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen.find((one) => one.route === 'POST auth/invitations/join')?.body).toEqual({ token: 'abc', dateOfBirth: '2018-04-27' });
    expect(getSession()).toMatchObject({ clientId: 'zoe' });
    expect(tabStore.get(keys.invitation)).toBeNull();
  });

  it('with another address is told, and may sign out and stay here', async () => {
    signIn(loginData());
    const { user } = open({ 'POST auth/invitations/join': () => refuse(403, 'WRONG_ACCOUNT'), 'POST auth/logout': () => ok({}) }, { hasLogin: true });
    await born(user);
    await user.click(screen.getByRole('button', { name: 'Accept the invitation' }));
    expect(await screen.findByText(/^You are signed in as maya@okafor.example/)).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Sign out' }));
    expect(await screen.findByRole('link', { name: 'Sign in to accept' })).toBeInTheDocument();
    expect(tabStore.get(keys.invitation)).toBe('abc');
  });

  it('as somebody else is told before filling in anything', async () => {
    signIn(loginData());
    open({});
    expect(await screen.findByText(/^You are signed in as maya@okafor.example/)).toBeInTheDocument();
    expect(screen.queryByLabelText('Month')).toBeNull();
  });
});

it('speaks Spanish', async () => {
  await setLanguage('es');
  open({}, { relationship: 'self' });
  expect(await screen.findByText('Juniper House le invita a ocuparse en línea de su propia atención.')).toBeInTheDocument();
  expect(screen.getByRole('group', { name: 'Su fecha de nacimiento' })).toBeInTheDocument();
});

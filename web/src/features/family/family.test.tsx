import { screen, waitFor, within } from '@testing-library/react';
import { Outlet } from 'react-router';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProofKeeper } from '@/components/ProofKeeper';
import { setLanguage } from '@/lib/i18n';
import { queryClient } from '@/lib/query';
import { acknowledgeEnd, endSession, getSession, signIn, switchClient } from '@/lib/session';
import { renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, sessionInfo, type Routes } from '@/test/server';
import { routes as familyRoutes } from '.';
import type { Person } from './data';

const person = (id: string, over: Partial<Person> = {}): Person => ({
  id,
  name: 'Sam Okafor',
  email: 'sam@okafor.example',
  relationship: 'partner',
  scope: 'appointments_forms',
  status: 'active',
  you: false,
  canEnd: true,
  ...over,
});
const own = person('own', { name: 'Maya Okafor', email: 'maya@okafor.example', relationship: 'self', scope: 'all', you: true, canEnd: false });

const Layout = () => (
  <main>
    <Outlet />
    <ProofKeeper />
  </main>
);
const open = (at: string, routes: Routes = {}) => {
  const seen = serve({ 'GET profile/access': () => ok({ people: [own], mayInvite: true }), ...routes });
  const view = renderRoutes([{ element: <Layout />, children: [...familyRoutes, { path: '/dashboard', element: <h1>Home</h1> }] }], at);
  return { ...view, seen, asked: (route: string) => seen.filter((one) => one.route === route) };
};

beforeEach(() => signIn(loginData()));
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('people one acts for', () => {
  it('are named with what one may do and until when, and can be switched to', async () => {
    const clients = sessionInfo().clients;
    signIn(loginData({ clients: [clients[0]!, { ...clients[1]!, expiresAt: '2031-05-04T06:00:00Z' }] }));
    const { user, router } = open('/family');
    const section = (await screen.findByRole('heading', { name: 'People you act for' })).parentElement!;
    const [maya, leo] = within(section).getAllByRole('listitem');
    expect(maya).toHaveTextContent(/Maya Okafor.*Your own record.*On screen now/);
    expect(leo).toHaveTextContent(/Leo Okafor.*You are a parent.*Everything.*You can act for Leo until May 4, 2031\. From then on Leo decides\./);
    queryClient.setQueryData(['profile', 'maya', 'profile', {}], { private: true });
    await user.click(within(section).getByRole('button', { name: 'Switch to Leo' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(router.state.location.pathname).toBe('/dashboard');
    expect(getSession()).toMatchObject({ clientId: 'leo' });
    expect(queryClient.getQueryData(['profile', 'maya', 'profile', {}])).toBeUndefined();
  });

  it('are nobody for most, and the page says what to do', async () => {
    signIn(loginData({ clients: sessionInfo().clients.slice(0, 1) }));
    open('/family');
    expect(await screen.findByText(/You act only for yourself/)).toBeInTheDocument();
  });
});

describe('people who may act for one', () => {
  it('are told with relationship, scope and end; oneself is not among them', async () => {
    open('/family', {
      'GET profile/access': () =>
        ok({ people: [own, person('sam', { expiresAt: '2031-01-02T06:59:59Z' }), person('new', { name: '', email: 'ana@mail.example', relationship: 'billing', scope: 'billing', status: 'invited' })], mayInvite: true }),
    });
    const section = (await screen.findByRole('heading', { name: 'People who can act for you' })).parentElement!;
    await within(section).findByText('Sam Okafor');
    const [sam, ana, more] = within(section).getAllByRole('listitem');
    expect(sam).toHaveTextContent(/Sam Okafor.*Partner or relative.*Visits and forms.*until January 1, 2031.*sam@okafor\.example/);
    expect(ana).toHaveTextContent(/ana@mail\.example.*Invited.*Pays the bills.*Bills only.*no end date/);
    expect(more).toBeUndefined();
  });

  it('are none at first', async () => {
    open('/family');
    expect(await screen.findByText('No one else can see your record here.')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Invite someone' })).toHaveAttribute('href', '/family/invite');
  });

  it('lose it after a question', async () => {
    let people = [own, person('sam')];
    const { user, asked } = open('/family', {
      'GET profile/access': () => ok({ people, mayInvite: true }),
      'DELETE profile/access/sam': () => {
        people = [own];
        return ok({ id: 'sam' });
      },
    });
    await user.click(await screen.findByRole('button', { name: 'End Sam Okafor’s access' }));
    const dialog = await screen.findByRole('dialog', { name: 'End Sam Okafor’s access?' });
    expect(asked('DELETE profile/access/sam')).toHaveLength(0);
    await user.click(within(dialog).getByRole('button', { name: 'End access' }));
    expect(await screen.findByText('No one else can see your record here.')).toBeInTheDocument();
  });

  it('may be oneself, who then stops acting for somebody', async () => {
    switchClient('leo');
    const { user } = open('/family', {
      'GET profile/access': () => ok({ people: [person('me', { name: 'Maya Okafor', relationship: 'parent', scope: 'all', you: true })], mayInvite: false }),
      'DELETE profile/access/me': () => ok({ id: 'me' }),
      'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo({ clients: sessionInfo().clients.slice(0, 1) }) }),
    });
    expect(await screen.findByRole('heading', { name: 'People who can act for Leo' })).toBeInTheDocument();
    expect(await screen.findByText('Maya Okafor (you)')).toBeInTheDocument();
    expect(screen.getByText('To give someone else access to Leo’s record, call us.')).toBeInTheDocument();
    expect(screen.queryByRole('link', { name: 'Invite someone' })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Stop acting for Leo' }));
    await user.click(within(await screen.findByRole('dialog', { name: 'Stop acting for Leo?' })).getByRole('button', { name: 'Stop acting for Leo' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(getSession()).toMatchObject({ clientId: 'maya' });
  });

  it('are not shown to who has a part of the access only', async () => {
    switchClient('leo');
    open('/family', { 'GET profile/access': () => refuse(404) });
    expect(await screen.findByText(/Only people with full access can see who can act for Leo/)).toBeInTheDocument();
  });

  it('may fail to load, and load again', async () => {
    let works = false;
    const { user } = open('/family', { 'GET profile/access': () => (works ? ok({ people: [own], mayInvite: true }) : refuse(500)) });
    await screen.findByText(/Something went wrong on our side/);
    works = true;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByText('No one else can see your record here.');
  });
});

describe('inviting', () => {
  it('lists what is missing', async () => {
    const { user, asked } = open('/family/invite');
    await user.click(await screen.findByRole('button', { name: 'Send the invitation' }));
    const summary = await screen.findByRole('group', { name: 'There are 3 things to fix' });
    expect(summary).toHaveFocus();
    await user.click(within(summary).getByRole('link', { name: 'Choose who they are.' }));
    expect(screen.getByRole('radio', { name: /Partner or relative/ })).toHaveFocus();
    expect(asked('POST profile/access')).toHaveLength(0);
  });

  it('sends who, what and until when, after a proof', async () => {
    let proven = false;
    const { user, asked } = open('/family/invite', {
      'POST profile/access': () => (proven ? ok(person('sam', { status: 'invited' }), 201) : refuse(403, 'REAUTHENTICATION_REQUIRED')),
      'POST auth/reauthenticate': () => {
        proven = true;
        return ok({ provenUntil: new Date(Date.now() + 600_000).toISOString() });
      },
    });
    await user.type(await screen.findByLabelText('Their email'), 'sam@okafor.example');
    await user.click(screen.getByRole('radio', { name: /Partner or relative/ }));
    await user.click(screen.getByRole('radio', { name: /Visits and forms/ }));
    await user.type(screen.getByLabelText(/Last day/), '2999-01-01');
    await user.click(screen.getByRole('button', { name: 'Send the invitation' }));
    await user.type(await screen.findByLabelText('Your password'), 'right');
    await user.click(screen.getByRole('button', { name: 'Continue' }));
    await screen.findByRole('heading', { name: 'Family and access' });
    // The end of that day at the clinic (Denver).
    expect(asked('POST profile/access').at(-1)?.body).toEqual({
      email: 'sam@okafor.example',
      relationship: 'partner',
      scope: 'appointments_forms',
      expiresAt: '2999-01-02T06:59:59.000Z',
    });
  });

  it('who pays the bills sees bills only', async () => {
    const { user, asked } = open('/family/invite', { 'POST profile/access': () => ok(person('sam', { status: 'invited' }), 201) });
    await user.type(await screen.findByLabelText('Their email'), 'sam@okafor.example');
    await user.click(screen.getByRole('radio', { name: 'Pays the bills' }));
    expect(screen.queryByRole('radio', { name: /Visits and forms/ })).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Send the invitation' }));
    await waitFor(() => expect(asked('POST profile/access')[0]?.body).toEqual({ email: 'sam@okafor.example', relationship: 'billing', scope: 'billing' }));
  });

  it('shows the server’s word on a field where it belongs, and speaks Spanish', async () => {
    await setLanguage('es');
    const { user } = open('/family/invite', { 'POST profile/access': () => refuse(400, undefined, { fields: { email: { code: 'x', message: 'Ese correo no recibe mensajes.' } } }) });
    await user.type(await screen.findByLabelText('Correo de esa persona'), 'sam@okafor.example');
    await user.click(screen.getByRole('radio', { name: /Pareja o familiar/ }));
    await user.click(screen.getByRole('radio', { name: /Citas y formularios/ }));
    await user.click(screen.getByRole('button', { name: 'Enviar la invitación' }));
    expect(await screen.findByRole('link', { name: 'Ese correo no recibe mensajes.' })).toBeInTheDocument();
  });
});

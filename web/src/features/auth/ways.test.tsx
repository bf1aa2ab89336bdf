import { screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { keepNext } from '@/lib/nextPath';
import { pb } from '@/lib/pb';
import { acknowledgeEnd, endSession, getSession, loadSession } from '@/lib/session';
import { deviceStore, keys } from '@/lib/storage';
import { mailed, renderRoutes } from '@/test/render';
import { clinic, inSeconds, loginData, ok, refuse, serve, sessionInfo, token, type Routes } from '@/test/server';
import { routes as authRoutes } from '.';

const webauthn = vi.hoisted(() => ({ startAuthentication: vi.fn(), cancelCeremony: vi.fn() }));
vi.mock('@simplewebauthn/browser', () => ({ startAuthentication: webauthn.startAuthentication, WebAuthnAbortService: { cancelCeremony: webauthn.cancelCeremony } }));

const pages = [...authRoutes, { path: '/dashboard', element: <h1>Home</h1> }, { path: '/forms/:id', element: <h1>Form</h1> }];
const every = { ...clinic.features, passkeys: true, magicLink: true };
const open = (at: Parameters<typeof renderRoutes>[1], routes: Routes, features: Partial<typeof every> = {}) => {
  const seen = serve(routes);
  return { seen, ...renderRoutes(pages, at, { features: { ...every, ...features } }) };
};
const credential = { id: 'passkey1', type: 'public-key' };
const begin: Routes = { 'POST auth/passkeys/authenticate/begin': () => ok({ challengeId: 'challenge1', options: { challenge: 'AAAA' } }) };

/** A browser with passkeys, and with or without their autofill. */
function withPasskeys(autofill = false) {
  vi.stubGlobal('PublicKeyCredential', class {
    static isConditionalMediationAvailable = () => Promise.resolve(autofill);
  });
}

beforeEach(() => {
  webauthn.cancelCeremony.mockReset();
  webauthn.startAuthentication.mockReset().mockResolvedValue(credential);
  return loadSession();
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('a passkey', () => {
  it('signs in without anything typed, and is offered first from then on', async () => {
    withPasskeys();
    const routes = { ...begin, 'POST auth/passkeys/authenticate/finish': () => ok(loginData()) };
    const { user, seen, router, unmount } = open('/login?next=%2Fforms%2Ff1', routes);
    const button = await screen.findByRole('button', { name: 'Use a passkey' });
    expect(screen.getByLabelText('Email').compareDocumentPosition(button)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
    expect(screen.getByLabelText('Email')).toHaveAttribute('autocomplete', 'username webauthn');
    await user.click(button);
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(webauthn.startAuthentication).toHaveBeenCalledExactlyOnceWith({ optionsJSON: { challenge: 'AAAA' }, useBrowserAutofill: false });
    expect(seen.map((one) => one.body)).toEqual([{}, { challengeId: 'challenge1', credential }]);
    unmount();

    endSession('signed-out');
    open('/login', begin);
    const first = await screen.findByRole('button', { name: 'Use a passkey' });
    expect(screen.getByLabelText('Email').compareDocumentPosition(first)).toBe(Node.DOCUMENT_POSITION_PRECEDING);
  });

  it('is not offered where the clinic or the browser has none', async () => {
    const { unmount } = open('/login', {});
    await screen.findByLabelText('Email');
    expect(screen.queryByRole('button', { name: 'Use a passkey' })).toBeNull();
    unmount();
    withPasskeys();
    open('/login', {}, { passkeys: false });
    await screen.findByLabelText('Email');
    expect(screen.queryByRole('button', { name: 'Use a passkey' })).toBeNull();
  });

  it.each([
    ['the person closed the dialog', () => webauthn.startAuthentication.mockRejectedValue(new DOMException('no', 'NotAllowedError')), /^No passkey was used/],
    ['the clinic does not know it', () => undefined, /^We don’t know that passkey/],
  ])('says so when %s', async (_, prepare, sentence) => {
    withPasskeys();
    prepare();
    const { user } = open('/login', { ...begin, 'POST auth/passkeys/authenticate/finish': () => refuse(401, 'PASSKEY_INVALID') });
    await user.click(await screen.findByRole('button', { name: 'Use a passkey' }));
    expect(await screen.findByText(sentence)).toBeInTheDocument();
    expect(getSession().status).toBe('guest');
    expect(deviceStore.get(keys.passkey)).toBeNull();
  });

  it('chosen among what the browser fills in signs in as well', async () => {
    withPasskeys(true);
    let choose: (value: unknown) => void = () => {};
    webauthn.startAuthentication.mockReturnValue(new Promise((resolve) => (choose = resolve)));
    open('/login', { ...begin, 'POST auth/passkeys/authenticate/finish': () => ok(loginData()) });
    await waitFor(() => expect(webauthn.startAuthentication).toHaveBeenCalledExactlyOnceWith({ optionsJSON: { challenge: 'AAAA' }, useBrowserAutofill: true }));
    choose(credential);
    await screen.findByRole('heading', { name: 'Home' });
  });

  it('stops waiting in the field when the page is left', async () => {
    withPasskeys(true);
    webauthn.startAuthentication.mockReturnValue(new Promise(() => {}));
    const { unmount } = open('/login', begin);
    await waitFor(() => expect(webauthn.startAuthentication).toHaveBeenCalled());
    unmount();
    expect(webauthn.cancelCeremony).toHaveBeenCalledOnce();
  });

  it('can be the second step', async () => {
    withPasskeys();
    const { user, seen } = open('/login', {
      ...begin,
      'POST auth/login': () => refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['passkey'], expiresIn: 300 }),
      'POST auth/passkeys/authenticate/finish': () => ok(loginData()),
    });
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'One more step' });
    await user.click(await screen.findByRole('button', { name: 'Use a passkey' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen[1]?.body).toEqual({ mfaToken: 'token1' });
  });
});

describe('a link by email', () => {
  const ask = async (user: ReturnType<typeof open>['user']) => {
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.click(screen.getByRole('button', { name: 'Email me a link' }));
    await screen.findByRole('heading', { name: 'Check your email' });
  };

  it('needs an address and no password', async () => {
    const { user, seen } = open('/login', {});
    await user.click(await screen.findByRole('button', { name: 'Email me a link' }));
    expect(await screen.findByRole('group', { name: 'There is 1 thing to fix' })).toHaveFocus();
    expect(seen).toHaveLength(0);
  });

  it('says the same for every address, and takes the code where the mail is read elsewhere', async () => {
    const { user, seen, router } = open('/login?next=%2Fforms%2Ff1', {
      'POST auth/magic-link': () => ok({ sent: true }),
      'POST auth/magic-link/verify': ({ body }) => ((body as { code: string }).code === '123456' ? ok(loginData()) : refuse(400, 'CODE_INVALID')),
    });
    await ask(user);
    expect(screen.getByText(/^If maya@okafor.example can sign in here/)).toBeInTheDocument();
    const code = screen.getByLabelText('Code from the email');
    await user.type(code, '000000');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByText(/^That code isn’t right/)).toBeInTheDocument();
    await user.clear(code);
    await user.type(code, '123 456');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(seen[0]?.body).toEqual({ email: 'maya@okafor.example' });
    expect(seen.at(-1)?.body).toEqual({ email: 'maya@okafor.example', code: '123456' });
  });

  it('leads to the second step as well', async () => {
    const { user, seen } = open('/login', {
      'POST auth/magic-link': () => ok({ sent: true }),
      'POST auth/magic-link/verify': () => refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['totp'], expiresIn: 300 }),
      'POST auth/login': () => ok(loginData()),
    });
    await ask(user);
    await user.type(screen.getByLabelText('Code from the email'), '123456');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await user.type(await screen.findByLabelText('Code'), '654321');
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen.at(-1)?.body).toEqual({ mfaToken: 'token1', mfaCode: '654321', method: 'totp' });
  });

  it('cannot be the way in where no second step goes with it, and says so', async () => {
    const { user } = open('/login', {
      'POST auth/magic-link': () => ok({ sent: true }),
      'POST auth/magic-link/verify': () => refuse(401, 'MFA_REQUIRED', { methods: [] }),
    });
    await ask(user);
    await user.type(screen.getByLabelText('Code from the email'), '123456');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Sign in with your password.');
  });

  it('remembers for the tab it opens where the person wanted to be, and forgets it then', async () => {
    const { user, unmount } = open('/login?next=%2Fforms%2Ff1', { 'POST auth/magic-link': () => ok({ sent: true }) });
    await ask(user);
    unmount();
    const { user: other, router } = open(mailed('/sign-in/link'), { 'POST auth/magic-link/verify': () => ok(loginData()) });
    await other.click(await screen.findByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(deviceStore.get(keys.next)).toBeNull();
  });
});

describe('the page of the mail’s link', () => {
  it('uses nothing until the button is pressed', async () => {
    const { user, seen } = open(mailed('/sign-in/link'), { 'POST auth/magic-link/verify': () => ok(loginData()) });
    await screen.findByRole('heading', { name: 'Sign in to Juniper House' });
    expect(seen).toHaveLength(0);
    await user.click(screen.getByRole('checkbox', { name: /^Remember this device/ }));
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen.map((one) => one.body)).toEqual([{ token: 'abc', rememberDevice: true }]);
  });

  it('asks for the second step', async () => {
    const { user } = open(mailed('/sign-in/link'), {
      'POST auth/magic-link/verify': () => refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['totp'], expiresIn: 300 }),
      'POST auth/login': () => ok(loginData()),
    });
    await user.click(await screen.findByRole('button', { name: 'Sign in' }));
    await user.type(await screen.findByLabelText('Code'), '654321');
    await screen.findByRole('heading', { name: 'Home' });
  });

  it('offers a fresh one when it is dead', async () => {
    keepNext('/forms/f1');
    const { user, seen } = open(mailed('/sign-in/link'), { 'POST auth/magic-link/verify': () => refuse(400, 'LINK_INVALID'), 'POST auth/magic-link': () => ok({ sent: true }) });
    await user.click(await screen.findByRole('button', { name: 'Sign in' }));
    expect(await screen.findByText(/This link has been used or is too old/)).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Sign in another way' })).toHaveAttribute('href', '/login?next=%2Fforms%2Ff1');
    await user.click(screen.getByRole('button', { name: 'Send a new link' }));
    expect(await screen.findByText(/a new message is on its way/)).toBeInTheDocument();
    expect(seen.at(-1)).toMatchObject({ route: 'POST auth/magic-link', body: { token: 'abc' } });
  });

  it('says so when it was cut off', async () => {
    open('/sign-in/link', {});
    expect(await screen.findByText(/It may have been cut off/)).toBeInTheDocument();
  });
});

describe('an account elsewhere', () => {
  const collection = pb.collection('portal_users');
  const oauth = { oauth: ['google', 'oidc'] };
  const beside = { close: vi.fn(), location: { replace: vi.fn() } };
  beforeEach(() => {
    vi.spyOn(window, 'open').mockReturnValue(beside as unknown as Window);
  });

  it('signs in when it is connected, and the session is asked of the server', async () => {
    vi.spyOn(collection, 'authWithOAuth2').mockImplementation(() => {
      pb.authStore.save(token(inSeconds(3600)), { id: 'user1', collectionId: 'portal_users', collectionName: 'portal_users' });
      return Promise.resolve({} as never);
    });
    const { user, router } = open(
      '/login?next=%2Fforms%2Ff1',
      { 'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }), 'POST auth/session/extend': () => ok(sessionInfo()) },
      oauth,
    );
    expect(await screen.findByRole('button', { name: 'Continue with another account' })).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Continue with Google' }));
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(getSession().status).toBe('signed-in');
  });

  const refused = async (body: unknown, status: number) => {
    const { ClientResponseError } = await import('pocketbase');
    vi.spyOn(collection, 'authWithOAuth2').mockRejectedValue(new ClientResponseError({ status, response: body }));
    const view = open('/login', {}, oauth);
    await view.user.click(await screen.findByRole('button', { name: 'Continue with Google' }));
    return view;
  };

  it('explains that it must be connected first', async () => {
    await refused(refuse(403, 'OAUTH_NOT_LINKED').body, 403);
    expect(await screen.findByText(/^That account isn’t connected to your access here/)).toBeInTheDocument();
  });

  it('leads to the second step', async () => {
    await refused(refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['totp'], expiresIn: 300 }).body, 401);
    expect(await screen.findByRole('heading', { name: 'One more step' })).toBeInTheDocument();
  });

  it('may be cancelled in the other window', async () => {
    await refused(undefined, 0);
    expect(await screen.findByText(/^That did not work, or was cancelled/)).toBeInTheDocument();
  });

  it('closes the other window when it never got elsewhere', async () => {
    beside.close.mockClear();
    await refused(undefined, 0);
    await waitFor(() => expect(beside.close).toHaveBeenCalled());
  });

  it('says so when the browser opens no window', async () => {
    vi.mocked(window.open).mockReturnValue(null);
    const asked = vi.spyOn(collection, 'authWithOAuth2');
    const { user } = open('/login', {}, oauth);
    await user.click(await screen.findByRole('button', { name: 'Continue with Google' }));
    expect(await screen.findByText(/^Your browser did not let us open another window/)).toBeInTheDocument();
    expect(asked).not.toHaveBeenCalled();
  });

  it('locks nothing while the other window is open', async () => {
    vi.spyOn(collection, 'authWithOAuth2').mockReturnValue(new Promise(() => {}) as never);
    const { user } = open('/login', { 'POST auth/login': () => ok(loginData()) }, oauth);
    await user.click(await screen.findByRole('button', { name: 'Continue with Google' }));
    expect(screen.getByRole('status')).toHaveTextContent('Continue in the window that opened for Google.');
    await user.type(screen.getByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'Home' });
  });
});

describe('somebody whose password is guessed at', () => {
  it.each([
    ['a link', { magicLink: true }, /Use a sign-in link, or call us at/],
    ['a passkey', { magicLink: false }, /Use a passkey, or call us at/],
  ])('is told of %s', async (_, features, sentence) => {
    withPasskeys();
    const { user } = open('/login', { 'POST auth/login': () => refuse(403, 'ACCOUNT_LOCKED', { retryAfter: 900 }) }, features);
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'wrong');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByText(sentence)).toBeInTheDocument();
  });
});

it('has another name', async () => {
  const { router } = open('/sign-in?next=%2Fforms%2Ff1', {});
  await screen.findByLabelText('Email');
  expect(router.state.location.pathname + router.state.location.search).toBe('/login?next=%2Fforms%2Ff1');
});

it('speaks Spanish', async () => {
  await setLanguage('es');
  withPasskeys();
  open('/login', {}, { oauth: ['google'] });
  for (const name of ['Entrar', 'Usar una llave de acceso', 'Enviarme un enlace por correo', 'Continuar con Google']) expect(await screen.findByRole('button', { name })).toBeInTheDocument();
  expect(screen.getByRole('checkbox', { name: /^Recordar este dispositivo/ })).not.toBeChecked();
});

import { focusManager } from '@tanstack/react-query';
import { act, screen, waitFor, within } from '@testing-library/react';
import { Outlet } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProofKeeper } from '@/components/ProofKeeper';
import { setLanguage } from '@/lib/i18n';
import { pb } from '@/lib/pb';
import { acknowledgeEnd, endSession, getSession, signIn } from '@/lib/session';
import type { Config } from '@/lib/types';
import { renderRoutes } from '@/test/render';
import { clinic, loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { publicRoutes, routes as securityRoutes } from '.';
import type { Factors, SessionRow } from './data';
import { guessDevice, passkeyProblem } from './makePasskey';

const startRegistration = vi.hoisted(() => vi.fn());
vi.mock('@simplewebauthn/browser', () => ({ startRegistration }));

const codes = Array.from({ length: 10 }, (_, index) => `abcd-efg${index}`);
const factors = (over: Partial<Factors> = {}): Factors => ({ policy: 'optional', enabled: false, factors: [], recoveryCodesLeft: 0, passkeys: 0, ...over });
const withTotp = (over: Partial<Factors> = {}) =>
  factors({ enabled: true, factors: [{ method: 'totp', enabledAt: '2026-01-05T12:00:00Z' }], recoveryCodesLeft: 8, ...over });
const row = (id: string, over: Partial<SessionRow> = {}): SessionRow => ({
  id,
  current: false,
  device: 'desktop',
  os: 'Windows',
  browser: 'Firefox',
  ipAddress: '203.0.113.7',
  place: 'other_network',
  method: 'password',
  remembered: false,
  createdAt: '2026-01-05T12:00:00Z',
  lastActivity: new Date(Date.now() - 3 * 3_600_000).toISOString(),
  ...over,
});

const here: Routes = {
  'GET auth/mfa': () => ok(factors()),
  'GET auth/passkeys': () => ok({ passkeys: [] }),
  'GET auth/sessions': () => ok({ sessions: [row('session1', { current: true })], devices: [] }),
  'GET auth/links': () => ok({ links: [], available: [] }),
  'GET auth/change-email': () => ok({}),
  'GET auth/session': () => ok({ user: loginData().user, session: loginData().session }),
};
const everything: Partial<Config> = { features: { ...clinic.features, passkeys: true, sms: true, magicLink: true } };

const Layout = () => (
  <main>
    <Outlet />
    <ProofKeeper />
  </main>
);
const open = (at: string, routes: Routes = {}, config: Partial<Config> = everything) => {
  const seen = serve({ ...here, ...routes });
  const view = renderRoutes([{ element: <Layout />, children: [...securityRoutes, { path: '/profile', element: <h1>Profile</h1> }] }, ...publicRoutes], at, config);
  const asked = (route: string) => seen.filter((one) => one.route === route);
  return { ...view, seen, asked };
};

/** Refuses the first try for want of a proof; the proof is the password, and a second factor where given. */
const wantsProof = (route: string, answer: () => ReturnType<typeof ok>): Routes => {
  let proven = false;
  return {
    [route]: () => (proven ? answer() : refuse(403, 'REAUTHENTICATION_REQUIRED')),
    'POST auth/reauthenticate': ({ body }) => {
      if ((body as { password: string }).password !== 'right') return refuse(400, 'WRONG_PASSWORD');
      proven = true;
      return ok({ provenUntil: new Date(Date.now() + 600_000).toISOString() });
    },
  };
};

beforeEach(() => {
  signIn(loginData());
  vi.stubGlobal('PublicKeyCredential', function PublicKeyCredential() {});
  startRegistration.mockReset();
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('the overview', () => {
  it('says in words what is on and off', async () => {
    open('/settings/security');
    expect(await screen.findByText(/Only your password protects your account/)).toBeInTheDocument();
    const how = screen.getByRole('heading', { name: 'How you sign in' }).parentElement!;
    expect(within(how).getByText('maya@okafor.example')).toBeInTheDocument();
    expect(within(how).getByText('Off')).toBeInTheDocument();
    expect(within(how).getByText('None yet')).toBeInTheDocument();
    expect(within(how).getByText('On. Ask for one on the sign-in page.')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Set up: Authenticator app' })).toHaveAttribute('href', '/settings/security/codes/totp');
  });

  it('hides second steps that the clinic switched off', async () => {
    open('/settings/security', { 'GET auth/mfa': () => ok(factors({ policy: 'off' })) });
    await screen.findByRole('heading', { name: 'How you sign in' });
    expect(screen.queryByText('Second step')).toBeNull();
  });

  it('offers no codes by text where the clinic sends none', async () => {
    open('/settings/security', {}, { features: clinic.features });
    await screen.findByRole('heading', { level: 2, name: 'Second step' });
    expect(screen.queryByText('Text message')).toBeNull();
    expect(screen.queryByRole('heading', { name: 'Passkeys' })).toBeNull();
  });

  it('does not let the last way go where the clinic requires one', async () => {
    open('/settings/security', { 'GET auth/mfa': () => ok(withTotp({ policy: 'required' })) });
    expect(await screen.findByText(/Set up another way before you turn this one off/)).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'Turn off: Authenticator app' })).toBeNull();
    expect(screen.getByText(/The clinic asks everyone for a second step/)).toBeInTheDocument();
  });

  it('says that it failed, and tries again', async () => {
    let works = false;
    const { user } = open('/settings/security', { 'GET auth/mfa': () => (works ? ok(factors()) : refuse(500)) });
    await screen.findByText(/Something went wrong on our side/);
    works = true;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await screen.findByRole('heading', { name: 'How you sign in' });
  });

  it('is complete in Spanish', async () => {
    await setLanguage('es');
    open('/settings/security', { 'GET auth/mfa': () => ok(withTotp()) });
    expect(await screen.findByRole('heading', { level: 1, name: 'Acceso y seguridad' })).toBeInTheDocument();
    expect(await screen.findByText('Activado: aplicación de autenticación')).toBeInTheDocument();
    expect(await screen.findByText('Solo en este dispositivo.')).toBeInTheDocument();
  });
});

describe('proving who one is', () => {
  const route = 'POST auth/mfa/recovery-codes';

  it('asks for the password when the server wants it, and then repeats the request', async () => {
    const { user, asked } = open('/settings/security/recovery-codes', wantsProof(route, () => ok({ recoveryCodes: codes })));
    await user.click(await screen.findByRole('button', { name: 'Make new codes' }));
    const dialog = await screen.findByRole('dialog', { name: 'Is it still you?' });
    const password = within(dialog).getByLabelText('Your password');
    expect(password).toHaveFocus();
    await user.type(password, 'wrong');
    await user.click(within(dialog).getByRole('button', { name: 'Continue' }));
    expect(await within(dialog).findByText(/That is not your password/)).toBeInTheDocument();
    expect(password).toHaveFocus();
    expect(asked(route)).toHaveLength(1);
    await user.clear(password);
    await user.type(password, 'right');
    await user.click(within(dialog).getByRole('button', { name: 'Continue' }));
    expect(await screen.findByText('abcd-efg0')).toBeInTheDocument();
    expect(asked(route)).toHaveLength(2);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('leaves everything as it was when cancelled', async () => {
    const { user, asked } = open('/settings/security/recovery-codes', wantsProof(route, () => ok({ recoveryCodes: codes })));
    const button = await screen.findByRole('button', { name: 'Make new codes' });
    await user.click(button);
    await user.click(await screen.findByRole('button', { name: 'Cancel' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(screen.queryByRole('alert')).toBeNull();
    await waitFor(() => expect(button).toHaveFocus());
    expect(asked(route)).toHaveLength(1);
    expect(asked('POST auth/reauthenticate')).toHaveLength(0);
  });

  it('goes on to the second factor', async () => {
    const { user, asked } = open('/settings/security/recovery-codes', {
      ...wantsProof(route, () => ok({ recoveryCodes: codes })),
      'POST auth/reauthenticate': () => refuse(401, 'MFA_REQUIRED', { mfaToken: 'waiting', methods: ['totp'], hints: {}, expiresIn: 300 }),
    });
    await user.click(await screen.findByRole('button', { name: 'Make new codes' }));
    await user.type(await screen.findByLabelText('Your password'), 'right');
    await user.click(screen.getByRole('button', { name: 'Continue' }));
    const code = await screen.findByLabelText('Code');
    await waitFor(() => expect(code).toHaveFocus());
    await user.type(code, '123456');
    await waitFor(() => expect(asked('POST auth/reauthenticate').at(-1)?.body).toEqual({ mfaToken: 'waiting', mfaCode: '123456', method: 'totp' }));
    expect(getSession().status).toBe('signed-in');
  });

  it('does not outlive the session', async () => {
    const { user, unmount } = open('/settings/security/recovery-codes', wantsProof(route, () => ok({ recoveryCodes: codes })));
    await user.click(await screen.findByRole('button', { name: 'Make new codes' }));
    await screen.findByRole('dialog', { name: 'Is it still you?' });
    unmount();
    signIn(loginData());
    open('/settings/security/recovery-codes');
    await screen.findByRole('button', { name: 'Make new codes' });
    expect(screen.queryByRole('dialog')).toBeNull();
  });
});

describe('an authenticator app', () => {
  const routes: Routes = {
    'POST auth/mfa/totp/setup': () => ok({ secret: 'JBSWY3DPEHPK3PXP', otpauthUrl: 'otpauth://totp/x', qrPng: 'data:image/png;base64,AAAA' }),
    'POST auth/mfa/totp/enable': ({ body }) => ((body as { code: string }).code === '123456' ? ok({ enabled: true, recoveryCodes: codes }) : refuse(400, 'CODE_INVALID')),
  };
  const begin = async () => {
    const view = open('/settings/security/codes/totp', routes);
    await view.user.click(await screen.findByRole('button', { name: 'Show my code to scan' }));
    await screen.findByRole('img', { name: /Square code for your authenticator app/ });
    return view;
  };

  it('is set up with a picture or its text, and shows the recovery codes', async () => {
    const { user, router } = await begin();
    const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
    expect(screen.getByText('JBSW Y3DP EHPK 3PXP')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Copy the key' }));
    expect(write).toHaveBeenCalledWith('JBSWY3DPEHPK3PXP');
    const code = screen.getByLabelText('Code from the app');
    await user.type(code, '000 000');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    expect(await screen.findByText(/That code isn’t right/)).toBeInTheDocument();
    expect(code).toHaveFocus();
    await user.clear(code);
    await user.type(code, '123 456');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    await screen.findByRole('heading', { level: 1, name: 'Save your recovery codes' });
    expect(within(screen.getByRole('list', { name: 'Your ten recovery codes' })).getAllByRole('listitem')).toHaveLength(10);
    await user.click(screen.getByRole('button', { name: 'Copy' }));
    expect(write.mock.calls.at(-1)![0]).toContain('abcd-efg9');
    await user.click(screen.getByRole('button', { name: 'Done' }));
    expect(screen.getByText(/Save the codes, then check this box/)).toBeInTheDocument();
    await user.click(screen.getByRole('checkbox', { name: 'I have saved my recovery codes' }));
    await user.click(screen.getByRole('button', { name: 'Done' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/settings/security'));
  });

  it('asks before the codes are left behind', async () => {
    const { user, router } = await begin();
    await user.type(screen.getByLabelText('Code from the app'), '123456');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    await screen.findByText('abcd-efg0');
    // The page asks before leaving from its first effect on.
    await act(async () => {});
    act(() => void router.navigate('/profile'));
    const dialog = await screen.findByRole('dialog', { name: 'Leave without saving your codes?' });
    await user.click(within(dialog).getByRole('button', { name: 'Stay and save them' }));
    expect(screen.getByText('abcd-efg0')).toBeInTheDocument();
    act(() => void router.navigate('/profile'));
    await user.click(await screen.findByRole('button', { name: 'Leave without them' }));
    await screen.findByRole('heading', { name: 'Profile' });
  });

  it('keeps the codes as a text file', async () => {
    const { user } = await begin();
    await user.type(screen.getByLabelText('Code from the app'), '123456');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    await screen.findByText('abcd-efg0');
    let kept: Blob | undefined;
    URL.createObjectURL = vi.fn((blob: Blob) => {
      kept = blob;
      return 'blob:x';
    }) as typeof URL.createObjectURL;
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => {});
    await user.click(screen.getByRole('button', { name: 'Download' }));
    expect(click).toHaveBeenCalledOnce();
    expect(kept?.type).toBe('text/plain;charset=utf-8');
    expect(await kept!.text()).toContain('Recovery codes for Juniper House, maya@okafor.example');
  });

  it('is turned off with the password and then any way that is on', async () => {
    const asksCode = () => refuse(401, 'MFA_REQUIRED', { mfaToken: 'waiting1', methods: ['totp', 'recovery'], expiresIn: 300 });
    const { user, asked } = open('/settings/security', {
      'GET auth/mfa': () => ok(withTotp()),
      'POST auth/mfa/disable': ({ body }) => {
        const { password, mfaToken, mfaCode } = body as Record<string, string | undefined>;
        if (!mfaToken) return password === 'right' ? asksCode() : refuse(400, 'WRONG_PASSWORD');
        return mfaCode === '123456' ? ok({ enabled: false }) : refuse(401, 'MFA_INVALID');
      },
    });
    await user.click(await screen.findByRole('button', { name: 'Turn off: Authenticator app' }));
    const dialog = await screen.findByRole('dialog', { name: 'Turn off the authenticator app?' });
    const go = within(dialog).getByRole('button', { name: 'Continue' });
    await user.click(go);
    expect(asked('POST auth/mfa/disable')).toHaveLength(0);
    const password = within(dialog).getByLabelText('Your password');
    await user.type(password, 'wrong');
    await user.click(go);
    await waitFor(() => expect(password).toHaveFocus());
    expect(password).toHaveAccessibleDescription(/That is not your password/);
    await user.clear(password);
    await user.type(password, 'right');
    await user.click(go);
    const code = await within(dialog).findByLabelText('Code');
    await waitFor(() => expect(code).toHaveFocus());
    await user.type(code, '000000');
    // A code alone turns nothing off: the button names the act.
    expect(asked('POST auth/mfa/disable')).toHaveLength(2);
    await user.click(within(dialog).getByRole('button', { name: 'Turn off' }));
    expect(await within(dialog).findByText(/That code isn’t right/)).toBeInTheDocument();
    expect(getSession().status).toBe('signed-in');
    await user.clear(code);
    await user.type(code, '123 456');
    await user.click(within(dialog).getByRole('button', { name: 'Turn off' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(asked('POST auth/mfa/disable').at(-1)?.body).toEqual({ method: 'totp', mfaToken: 'waiting1', mfaCode: '123456', codeMethod: 'totp' });
  });
});

describe('codes that are sent', () => {
  it('come by text to a number that proves itself', async () => {
    const { user, asked, router } = open('/settings/security/codes/sms', {
      'POST auth/mfa/sms/setup': ({ body }) => ((body as { phone: string }).phone === '1' ? refuse(400, 'PHONE_INVALID') : ok({ sent: true, expiresIn: 600 })),
      'POST auth/mfa/sms/enable': () => ok({ enabled: true }),
    });
    await user.click(await screen.findByRole('button', { name: 'Send me a code' }));
    expect(screen.getByLabelText('Mobile number')).toHaveAccessibleDescription(/Enter your mobile number/);
    await user.type(screen.getByLabelText('Mobile number'), '1');
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    expect(await screen.findByText(/doesn’t look like a number/)).toBeInTheDocument();
    await user.clear(screen.getByLabelText('Mobile number'));
    await user.type(screen.getByLabelText('Mobile number'), '303 555 0142');
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    const code = await screen.findByLabelText('Code from the text');
    expect(code).toHaveFocus();
    expect(screen.getByText('We sent a 6-digit code to 303 555 0142.')).toBeInTheDocument();
    expect(screen.getByText(/Send a new code in/)).toBeInTheDocument();
    await user.type(code, '123456');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/settings/security'));
    expect(asked('POST auth/mfa/sms/enable')[0]?.body).toEqual({ code: '123456' });
  });

  it('come by email', async () => {
    const { user, asked } = open('/settings/security/codes/email', {
      'POST auth/mfa/email/setup': () => ok({ sent: true, expiresIn: 600 }),
      'POST auth/mfa/email/enable': () => ok({ enabled: true }),
    });
    await user.click(await screen.findByRole('button', { name: 'Send me a code' }));
    await user.type(await screen.findByLabelText('Code from the email'), '123456');
    await user.click(screen.getByRole('button', { name: 'Turn it on' }));
    await waitFor(() => expect(asked('POST auth/mfa/email/enable')).toHaveLength(1));
  });

  it('says so when the clinic sends no texts, or the way is unknown', async () => {
    const { user } = open('/settings/security/codes/sms', { 'POST auth/mfa/sms/setup': () => refuse(503, 'SMS_UNAVAILABLE') });
    await user.type(await screen.findByLabelText('Mobile number'), '303 555 0142');
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    expect(await screen.findByText('We can’t send texts right now. Choose another way.')).toBeInTheDocument();
  });

  it('knows no other way', async () => {
    open('/settings/security/codes/pigeon');
    expect(await screen.findByText('We can’t find that way of getting a code.')).toBeInTheDocument();
  });
});

describe('passkeys', () => {
  const key = { id: 'k1', name: 'My Mac', createdAt: '2026-01-05T12:00:00Z', deviceType: 'synced', transports: ['internal'] };
  const adding: Routes = {
    'POST auth/passkeys/register/begin': () => ok({ challengeId: 'c1', options: { challenge: 'x' } }),
    'POST auth/passkeys/register/finish': () => ok(key, 201),
  };
  const add = async (routes: Routes = adding) => {
    const view = open('/settings/security', routes);
    await view.user.click(await screen.findByRole('button', { name: 'Add a passkey' }));
    const dialog = await screen.findByRole('dialog', { name: 'Add a passkey' });
    const name = within(dialog).getByLabelText('Name');
    await view.user.clear(name);
    await view.user.type(name, 'Office');
    await view.user.click(within(dialog).getByRole('button', { name: 'Add a passkey' }));
    return { ...view, dialog };
  };

  it('are added under a name', async () => {
    startRegistration.mockResolvedValue({ id: 'credential' });
    const { asked } = await add();
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(startRegistration).toHaveBeenCalledWith({ optionsJSON: { challenge: 'x' } });
    expect(asked('POST auth/passkeys/register/finish')[0]?.body).toEqual({ challengeId: 'c1', credential: { id: 'credential' }, name: 'Office' });
  });

  it.each([
    ['NotAllowedError', 'No passkey was added. You can try again.'],
    ['InvalidStateError', 'This device already has a passkey for this portal.'],
    ['NotSupportedError', 'This device can’t make a passkey here.'],
  ])('are not added when the device answers %s, and the page says why', async (name, sentence) => {
    startRegistration.mockRejectedValue(Object.assign(new Error('raw'), { name }));
    const { dialog, asked } = await add();
    expect(await within(dialog).findByText(sentence)).toBeInTheDocument();
    expect(asked('POST auth/passkeys/register/finish')).toHaveLength(0);
  });

  it('are renamed and removed', async () => {
    const { user, asked } = open('/settings/security', {
      'GET auth/mfa': () => ok(factors({ passkeys: 1 })),
      'GET auth/passkeys': () => ok({ passkeys: [key] }),
      'PATCH auth/passkeys/k1': () => ok({ ...key, name: 'Desk' }),
      'DELETE auth/passkeys/k1': () => ok({ id: 'k1' }),
    });
    await user.click(await screen.findByRole('button', { name: 'Rename My Mac' }));
    const name = await screen.findByLabelText('Name');
    await user.clear(name);
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(screen.getByText('Enter a name.')).toBeInTheDocument();
    await user.type(name, 'Desk');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(asked('PATCH auth/passkeys/k1')[0]?.body).toEqual({ name: 'Desk' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await user.click(screen.getByRole('button', { name: 'Remove My Mac' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove “My Mac”?' });
    await user.click(within(dialog).getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(asked('DELETE auth/passkeys/k1')).toHaveLength(1));
  });

  it('tells a browser that can’t', async () => {
    vi.stubGlobal('PublicKeyCredential', undefined);
    open('/settings/security');
    expect(await screen.findByText(/This browser can’t use passkeys/)).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'Add a passkey' })).toBeNull();
  });

  it('are suggested a name by the device, and browsers’ refusals are told apart', () => {
    expect(guessDevice('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)')).toBe('iPhone');
    expect(guessDevice('Mozilla/5.0 (X11; Linux x86_64)')).toBe('other');
    expect(passkeyProblem(new Error('else'))).toBeUndefined();
  });
});

describe('connected sign-ins', () => {
  const google = { provider: 'google', name: 'Google' };

  it('connect after a proof, which comes before the other window', async () => {
    const open2 = vi.fn().mockResolvedValue({});
    vi.spyOn(pb, 'collection').mockReturnValue({ authWithOAuth2: open2 } as unknown as ReturnType<typeof pb.collection>);
    const { user } = open('/settings/security', {
      'GET auth/links': () => ok({ links: [], available: [google] }),
      'POST auth/reauthenticate': () => ok({ provenUntil: new Date(Date.now() + 600_000).toISOString() }),
    });
    await user.click(await screen.findByRole('button', { name: 'Connect Google' }));
    await user.type(await screen.findByLabelText('Your password'), 'right');
    expect(open2).not.toHaveBeenCalled();
    await user.click(screen.getByRole('button', { name: 'Continue' }));
    await waitFor(() => expect(open2).toHaveBeenCalledWith({ provider: 'google' }));
    expect(await screen.findByRole('button', { name: 'Connect Google' })).toBeInTheDocument();
    open2.mockRejectedValue(new Error('closed'));
    await user.click(screen.getByRole('button', { name: 'Connect Google' }));
    expect(await screen.findByText('Google was not connected. Try again.')).toBeInTheDocument();
    expect(open2).toHaveBeenCalledTimes(2);
  });

  it('disconnect', async () => {
    const { user, asked } = open('/settings/security', {
      'GET auth/links': () => ok({ links: [{ ...google, createdAt: '2026-01-05T12:00:00Z' }], available: [google] }),
      'DELETE auth/links/google': () => ok({ id: 'google' }),
    });
    await user.click(await screen.findByRole('button', { name: 'Disconnect Google' }));
    expect(screen.queryByRole('button', { name: 'Connect Google' })).toBeNull();
    await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Disconnect' }));
    await waitFor(() => expect(asked('DELETE auth/links/google')).toHaveLength(1));
  });
});

describe('devices', () => {
  const two = [row('other', { os: 'iOS', browser: 'Safari', device: 'mobile' }), row('session1', { current: true, place: 'this_network' })];
  const laptop = { id: 'd1', current: false, device: 'desktop', os: 'macOS', browser: 'Safari', createdAt: '2026-01-05T12:00:00Z', expiresAt: '2026-01-12T12:00:00Z' };

  it('stand with this one first, in words, and the address small', async () => {
    open('/settings/security', { 'GET auth/sessions': () => ok({ sessions: two, devices: [] }) });
    const section = (await screen.findByRole('heading', { name: 'Where you’re signed in' })).parentElement!;
    await within(section).findByText(/In 2 places/);
    const [first, second] = within(section).getAllByRole('listitem');
    expect(first).toHaveTextContent(/Firefox on Windows.*This device.*This network.*active now/);
    expect(second).toHaveTextContent(/Safari on iOS.*Another network.*active 3 hours ago.*Address 203\.0\.113\.7/);
  });

  it('sign out one, or all others, after a question', async () => {
    let sessions = two;
    const { user, asked } = open('/settings/security', {
      'GET auth/sessions': () => ok({ sessions, devices: [] }),
      'DELETE auth/sessions/other': () => {
        sessions = two.slice(1);
        return ok({ id: 'other' });
      },
      'DELETE auth/sessions/others': () => refuse(500),
    });
    await user.click(await screen.findByRole('button', { name: 'Sign out everywhere else' }));
    const dialog = await screen.findByRole('dialog', { name: 'Sign out everywhere else?' });
    await user.click(within(dialog).getByRole('button', { name: 'Sign out everywhere else' }));
    expect(await within(dialog).findByRole('alert')).toHaveTextContent(/Something went wrong on our side/);
    await user.click(within(dialog).getByRole('button', { name: 'Leave it' }));
    await user.click(screen.getByRole('button', { name: 'Sign out Safari on iOS' }));
    await user.click(within(await screen.findByRole('dialog', { name: 'Sign out Safari on iOS?' })).getByRole('button', { name: 'Sign out' }));
    expect(await screen.findByText('Only on this device.')).toBeInTheDocument();
    expect(asked('DELETE auth/sessions/other')).toHaveLength(1);
  });

  it('forget a remembered one', async () => {
    const { user, asked } = open('/settings/security', {
      'GET auth/sessions': () => ok({ sessions: two, devices: [laptop] }),
      'DELETE auth/devices/d1': () => ok({ id: 'd1' }),
    });
    await user.click(await screen.findByRole('button', { name: 'Forget Safari on macOS' }));
    await waitFor(() => expect(asked('DELETE auth/devices/d1')).toHaveLength(1));
  });

  it('are asked for again when the page comes back, and a session ended elsewhere ends here', async () => {
    let ended = false;
    const { asked } = open('/settings/security', {
      'GET auth/sessions': () => (ended ? refuse(401, 'SESSION_ENDED') : ok({ sessions: two, devices: [] })),
    });
    await screen.findByText(/In 2 places/);
    const before = asked('GET auth/sessions').length;
    ended = true;
    act(() => {
      focusManager.setFocused(false);
      focusManager.setFocused(true);
    });
    await waitFor(() => expect(asked('GET auth/sessions').length).toBeGreaterThan(before));
    expect(asked('GET auth/sessions').at(-1)?.headers.get('x-background')).toBe('1');
    await waitFor(() => expect(getSession()).toEqual({ status: 'guest', ended: 'ended' }));
    focusManager.setFocused(undefined);
  });
});

describe('the password', () => {
  it('is changed, and the session goes on with the new token', async () => {
    const { user, router } = open('/settings/security/password', {
      'POST auth/change-password': ({ body }) =>
        (body as { currentPassword: string }).currentPassword === 'right' ? ok({ changed: true, accessToken: 'next', expiresIn: 3600 }) : refuse(400, 'WRONG_PASSWORD'),
    });
    await user.click(await screen.findByRole('button', { name: 'Save the new password' }));
    expect(await screen.findByRole('group', { name: 'There are 2 things to fix' })).toHaveFocus();
    await user.type(screen.getByLabelText('Current password'), 'wrong');
    await user.type(screen.getByLabelText('New password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Save the new password' }));
    await screen.findByRole('link', { name: 'That is not your current password.' });
    await user.clear(screen.getByLabelText('Current password'));
    await user.type(screen.getByLabelText('Current password'), 'right');
    await user.click(screen.getByRole('button', { name: 'Save the new password' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/settings/security'));
    expect(pb.authStore.token).toBe('next');
  });
});

describe('the email', () => {
  it('changes with a code from both addresses', async () => {
    let pending: object | undefined;
    const { user, asked } = open('/settings/security/email', {
      'GET auth/change-email': () => ok({ pending }),
      'POST auth/change-email': ({ body }) => {
        pending = { email: (body as { email: string }).email, expiresAt: new Date(Date.now() + 1_800_000).toISOString() };
        return ok({ sent: true, expiresIn: 1800 });
      },
      'POST auth/change-email/confirm': ({ body }) =>
        (body as { oldCode: string }).oldCode === '222222' ? ok({ email: 'new@okafor.example', accessToken: 'next', expiresIn: 3600 }) : refuse(400, 'CODE_INVALID'),
    });
    await user.type(await screen.findByLabelText('New email'), ' new@okafor.example ');
    await user.click(screen.getByRole('button', { name: 'Send the codes' }));
    await user.type(await screen.findByLabelText('Code from new@okafor.example'), '111 111');
    await user.click(screen.getByRole('button', { name: 'Change my email' }));
    expect(await screen.findByRole('link', { name: 'Enter the 6 digits.' })).toBeInTheDocument();
    const old = screen.getByLabelText('Code from maya@okafor.example');
    await user.type(old, '333333');
    await user.click(screen.getByRole('button', { name: 'Change my email' }));
    expect(await screen.findByText(/One of the codes isn’t right/)).toBeInTheDocument();
    await user.clear(old);
    await user.type(old, '222222');
    await user.click(screen.getByRole('button', { name: 'Change my email' }));
    await waitFor(() => expect(getSession()).toMatchObject({ user: { email: 'new@okafor.example' } }));
    expect(pb.authStore.token).toBe('next');
    expect(asked('POST auth/change-email/confirm').at(-1)?.body).toEqual({ code: '111111', oldCode: '222222' });
  });

  it('stays when the person thinks better of it', async () => {
    let pending: object | undefined = { email: 'new@okafor.example', expiresAt: new Date(Date.now() + 1_800_000).toISOString() };
    const { user } = open('/settings/security/email', {
      'GET auth/change-email': () => ok({ pending }),
      'DELETE auth/change-email': () => {
        pending = undefined;
        return ok({ id: 'pending' });
      },
    });
    await user.click(await screen.findByRole('button', { name: 'Don’t change it' }));
    expect(await screen.findByLabelText('New email')).toBeInTheDocument();
  });
});

describe('closing the account', () => {
  it('says what stays, asks twice, and ends here', async () => {
    const { user, asked, router } = open('/settings/security/close', wantsProof('POST auth/close-account', () => ok({ closed: true })));
    expect(await screen.findByText(/Your health record, signed forms and bills/)).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Close my account' }));
    expect(screen.getByText('Check this box if you want to close your account.')).toBeInTheDocument();
    expect(screen.queryByRole('dialog')).toBeNull();
    await user.click(screen.getByRole('checkbox'));
    await user.click(screen.getByRole('button', { name: 'Close my account' }));
    await user.click(within(await screen.findByRole('dialog', { name: 'Close your account now?' })).getByRole('button', { name: 'Close my account' }));
    await user.type(await screen.findByLabelText('Your password'), 'right');
    await user.click(screen.getByRole('button', { name: 'Continue' }));
    await screen.findByRole('heading', { level: 1, name: 'Your account is closed' });
    expect(router.state.location.pathname).toBe('/account-closed');
    expect(asked('POST auth/close-account').at(-1)?.body).toEqual({ confirm: true });
    expect(getSession()).toEqual({ status: 'guest' });
  });
});

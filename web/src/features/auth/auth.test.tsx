import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acknowledgeEnd, endSession, getSession, loadSession } from '@/lib/session';
import { mailed, renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { keptRoutes, routes as authRoutes } from '.';
import { CheckMail } from './CheckMail';

const pages = [...authRoutes, ...keptRoutes, { path: '/dashboard', element: <h1>Home</h1> }, { path: '/forms/:id', element: <h1>Form</h1> }];
const open = (at: Parameters<typeof renderRoutes>[1], routes: Routes, config?: Parameters<typeof renderRoutes>[2]) => {
  const seen = serve(routes);
  return { seen, ...renderRoutes(pages, at, config) };
};

beforeEach(() => loadSession());
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('signing in', () => {
  const fill = async (user: ReturnType<typeof open>['user'], email: string, password: string) => {
    if (email) await user.type(await screen.findByLabelText('Email'), email);
    if (password) await user.type(screen.getByLabelText('Password'), password);
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
  };

  it('lists what is missing, goes there, and asks the server nothing', async () => {
    const { user, seen } = open('/login', {});
    await screen.findByRole('heading', { level: 1, name: 'Sign in to Juniper House' });
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    const summary = await screen.findByRole('group', { name: 'There are 2 things to fix' });
    expect(summary).toHaveFocus();
    expect(document.title).toBe('Error: Sign in, Juniper House');
    const field = screen.getByLabelText('Email');
    expect(field).toHaveAttribute('aria-invalid', 'true');
    expect(field).toHaveAccessibleDescription('Enter an email address, like name@example.com.');
    await user.click(screen.getByRole('link', { name: 'Enter your password.' }));
    expect(screen.getByLabelText('Password')).toHaveFocus();
    expect(seen).toHaveLength(0);
  });

  it('goes to where the person wanted to be', async () => {
    const { user, seen, router } = open('/login?next=%2Fforms%2Ff1', { 'POST auth/login': () => ok(loginData()) });
    await fill(user, ' maya@okafor.example ', 'Good-Password-1!');
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(seen[0]?.body).toEqual({ email: 'maya@okafor.example', password: 'Good-Password-1!' });
  });

  it('does not follow an address outside the portal', async () => {
    const { user } = open('/login?next=https%3A%2F%2Fevil.example', { 'POST auth/login': () => ok(loginData()) });
    await fill(user, 'maya@okafor.example', 'Good-Password-1!');
    await screen.findByRole('heading', { name: 'Home' });
  });

  it.each([
    ['INVALID_CREDENTIALS', 401, {}, 'That email and password don’t match. Check them, or choose a new password.'],
    ['ACCOUNT_LOCKED', 403, { retryAfter: 900 }, 'Too many tries. For your safety, password sign-in is paused. Try again in 15 minutes, or call us at (303)\u00a0555-0142.'],
    ['EMAIL_NOT_VERIFIED', 403, {}, 'Your email still needs confirming. Enter the code we sent'],
    ['SIGN_IN_LIMIT', 429, { retryAfter: 120 }, 'That was a lot of tries in a short time. Try again in 2 minutes.'],
  ])('explains %s and keeps what was typed', async (reason, status, details, sentence) => {
    const { user } = open('/login', { 'POST auth/login': () => refuse(status, reason, details) });
    await fill(user, 'maya@okafor.example', 'wrong');
    const banner = await screen.findByText((_, element) => element?.getAttribute('tabindex') === '-1' && element.textContent === sentence);
    expect(banner).toHaveFocus();
    expect(screen.getByLabelText('Email')).toHaveValue('maya@okafor.example');
    expect(getSession().status).toBe('guest');
  });

  it('offers the mail link only where the clinic has it', async () => {
    const { user } = open('/login', { 'POST auth/login': () => refuse(401, 'INVALID_CREDENTIALS') }, { features: { passkeys: false, magicLink: true, oauth: [], sms: false, instantBooking: false, payments: 'test', webPush: false } });
    await fill(user, 'maya@okafor.example', 'wrong');
    expect(await screen.findByText(/get a sign-in link by email/)).toBeInTheDocument();
  });

  it('asks for the second factor and uses it', async () => {
    const { user, seen } = open('/login', {
      'POST auth/login': ({ body }) => {
        const { mfaCode } = body as { mfaCode?: string };
        if (!mfaCode) return refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['passkey', 'totp'] });
        return mfaCode === '123456' ? ok(loginData()) : refuse(401, 'MFA_INVALID');
      },
    });
    await fill(user, 'maya@okafor.example', 'Good-Password-1!');
    const code = await screen.findByLabelText('Code');
    await user.type(code, '000000');
    expect(await screen.findByText(/That code isn’t right/)).toBeInTheDocument();
    await user.clear(code);
    await user.type(code, '123 456');
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen.at(-1)?.body).toEqual({ mfaToken: 'token1', mfaCode: '123456', method: 'totp' });
  });
});

describe('the second step', () => {
  it('that took too long starts again with a sentence, and with the password gone', async () => {
    const { user } = open('/login', {
      'POST auth/login': ({ body }) => ((body as { mfaCode?: string }).mfaCode ? refuse(401, 'MFA_EXPIRED') : refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['totp'], expiresIn: 300 })),
    });
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await user.type(await screen.findByLabelText('Code'), '123456');
    expect(await screen.findByText('That took too long, so for your safety we start again.')).toBeInTheDocument();
    expect(screen.getByLabelText('Email')).toHaveValue('maya@okafor.example');
    expect(screen.getByLabelText('Password')).toHaveValue('');
  });

  it('remembers the device when that was ticked at the first', async () => {
    const { user, seen, router } = open('/login?next=%2Fforms%2Ff1', {
      'POST auth/login': ({ body }) => ((body as { mfaCode?: string }).mfaCode ? ok(loginData()) : refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['email'], expiresIn: 300 })),
      'POST auth/mfa/challenge': () => ok({ sent: true, expiresIn: 300 }),
    });
    await user.type(await screen.findByLabelText('Email'), 'maya@okafor.example');
    await user.type(screen.getByLabelText('Password'), 'Good-Password-1!');
    await user.click(screen.getByRole('checkbox', { name: /^Remember this device/ }));
    await user.click(screen.getByRole('button', { name: 'Sign in' }));
    await user.type(await screen.findByLabelText('Code'), '123456');
    await screen.findByRole('heading', { name: 'Form' });
    expect(router.state.location.pathname).toBe('/forms/f1');
    expect(seen.map((one) => one.body)).toEqual([
      { email: 'maya@okafor.example', password: 'Good-Password-1!', rememberDevice: true },
      { mfaToken: 'token1', method: 'email' },
      { mfaToken: 'token1', mfaCode: '123456', method: 'email', rememberDevice: true },
    ]);
  });
});

describe('registering', () => {
  const who = async (user: ReturnType<typeof open>['user'], over: Partial<Record<'email' | 'first' | 'year', string>> = {}) => {
    await user.type(await screen.findByLabelText('Email'), over.email ?? 'maya@okafor.example');
    await user.type(screen.getByLabelText('First name'), over.first ?? ' Maya ');
    await user.type(screen.getByLabelText('Last name'), 'Okafor');
    await user.type(screen.getByLabelText('Month'), '4');
    await user.type(screen.getByLabelText('Day'), '27');
    await user.type(screen.getByLabelText('Year'), over.year ?? '1990');
    await user.click(screen.getByRole('button', { name: 'Continue' }));
  };
  const choose = async (user: ReturnType<typeof open>['user'], password: string) => {
    const field = await screen.findByLabelText('Password');
    await user.clear(field);
    await user.type(field, password);
    await user.click(screen.getByRole('button', { name: 'Set up my access' }));
  };

  it('goes from the person to the password to the mail, and is then signed in', async () => {
    const { user, seen } = open('/register', {
      'POST auth/register': () => ok({ portalUserId: 'user1', email: 'maya@okafor.example', verificationRequired: true }, 201),
      'POST auth/verify-email': () => ok({ verified: true }),
      'POST auth/login': () => ok(loginData()),
    });
    await who(user);
    await choose(user, 'Good-Password-1!');
    await screen.findByRole('heading', { name: 'Check your email' });
    expect(seen[0]?.body).toEqual({ email: 'maya@okafor.example', firstName: 'Maya', lastName: 'Okafor', dateOfBirth: '1990-04-27', password: 'Good-Password-1!' });
    await user.type(screen.getByLabelText('Code from the email'), '123 456');
    await user.click(screen.getByRole('button', { name: 'Confirm my email' }));
    await screen.findByRole('heading', { name: 'Home' });
    expect(seen.map((one) => one.route)).toEqual(['POST auth/register', 'POST auth/verify-email', 'POST auth/login']);
    expect(seen[1]?.body).toEqual({ email: 'maya@okafor.example', code: '123456' });
    expect(getSession().status).toBe('signed-in');
  });

  it('asks for the second step where the clinic requires one', async () => {
    const { user } = open('/register', {
      'POST auth/register': () => ok({ portalUserId: 'user1', email: 'maya@okafor.example', verificationRequired: true }, 201),
      'POST auth/verify-email': () => ok({ verified: true }),
      'POST auth/login': ({ body }) => ((body as { mfaCode?: string }).mfaCode ? ok(loginData()) : refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: ['email'], expiresIn: 300 })),
      'POST auth/mfa/challenge': () => ok({ sent: true, expiresIn: 300 }),
    });
    await who(user);
    await choose(user, 'Good-Password-1!');
    await user.type(await screen.findByLabelText('Code from the email'), '123456');
    await user.click(screen.getByRole('button', { name: 'Confirm my email' }));
    await user.type(await screen.findByLabelText('Code'), '654321');
    await screen.findByRole('heading', { name: 'Home' });
  });

  it('names every field that is missing or impossible', async () => {
    const { user, seen } = open('/register', {});
    await who(user, { email: 'maya', first: ' ', year: '90' });
    const summary = await screen.findByRole('group', { name: 'There are 3 things to fix' });
    expect(summary).toHaveFocus();
    await user.click(screen.getByRole('link', { name: /^Enter your date of birth/ }));
    expect(screen.getByLabelText('Month')).toHaveFocus();
    expect(seen).toHaveLength(0);
  });

  it('says the same whatever did not match, and keeps the fields', async () => {
    const { user } = open('/register', { 'POST auth/register': () => refuse(400, 'IDENTITY_NOT_CONFIRMED', {}, 'Server wording') });
    await who(user);
    await choose(user, 'Good-Password-1!');
    const banner = await screen.findByText(/We could not set up your access with these details/);
    expect(banner).toHaveTextContent('call us at (303) 555-0142');
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Who you are');
    expect(screen.getByLabelText('Email')).toHaveValue('maya@okafor.example');
    expect(screen.getByLabelText('Year')).toHaveValue('1990');
  });

  it('leads somebody who already has access to the sign-in page', async () => {
    const { user } = open('/register', { 'POST auth/register': () => refuse(409, 'ALREADY_REGISTERED') });
    await who(user);
    await choose(user, 'Good-Password-1!');
    await user.click(await screen.findByRole('link', { name: 'Sign in' }));
    expect(await screen.findByLabelText('Email')).toHaveValue('maya@okafor.example');
  });

  it('shows the clinic’s rules as they are met, and refuses less', async () => {
    const { user, seen } = open('/register', {});
    await who(user);
    await choose(user, 'short');
    expect(await screen.findByRole('group', { name: 'There is 1 thing to fix' })).toBeInTheDocument();
    expect(screen.getByText('A small letter').textContent).toContain('done');
    expect(screen.getByText('A capital letter').textContent).not.toContain('done');
    expect(seen).toHaveLength(0);
  });

  it('puts the server’s objection to a password at the password', async () => {
    const { user } = open('/register', {
      'POST auth/register': () => refuse(400, undefined, { fields: { password: { code: 'common', message: 'This password is on a list of common ones.' } } }),
    });
    await who(user);
    await choose(user, 'Password-1234');
    expect(await screen.findByLabelText('Password')).toHaveAccessibleDescription('This password is on a list of common ones.');
  });
});

describe('the code from the mail', () => {
  const props = { email: 'maya@okafor.example', onVerified: vi.fn(), onOtherAddress: vi.fn() };
  const show = (routes: Routes) => {
    vi.useFakeTimers();
    const seen = serve(routes);
    renderRoutes([{ path: '/', element: <CheckMail {...props} /> }], '/');
    return seen;
  };
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

  it('is sent again only after half a minute, and then after another', async () => {
    const seen = show({ 'POST auth/resend-verification': () => ok({ sent: true }) });
    for (let second = 0; second < 29; second++) await pass(1000);
    expect(screen.getByText('Send again in 1 s')).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'Send again' })).toBeNull();
    await pass(1000);
    fireEvent.click(screen.getByRole('button', { name: 'Send again' }));
    await pass(0);
    expect(screen.getByRole('status')).toHaveTextContent('If that address needs confirming, a new message is on its way.');
    expect(screen.getByText('Send again in 30 s')).toBeInTheDocument();
    expect(seen.map((one) => one.body)).toEqual([{ email: 'maya@okafor.example' }]);
  });

  it('may be wrong: then the field says so and has the focus', async () => {
    const seen = show({ 'POST auth/verify-email': () => refuse(400, 'CODE_INVALID') });
    const field = screen.getByLabelText('Code from the email');
    fireEvent.change(field, { target: { value: '12345' } });
    fireEvent.click(screen.getByRole('button', { name: 'Confirm my email' }));
    await pass(0);
    expect(field).toHaveAccessibleDescription('Enter the 6 digits from the email.');
    expect(seen).toHaveLength(0);
    fireEvent.change(field, { target: { value: '000000' } });
    fireEvent.click(screen.getByRole('button', { name: 'Confirm my email' }));
    await pass(0);
    expect(field).toHaveAccessibleDescription(/^That code isn’t right/);
    expect(field).toHaveFocus();
    expect(props.onVerified).not.toHaveBeenCalled();
  });
});

describe('the link in the mail', () => {
  it('confirms only when the button is pressed', async () => {
    const { user, seen } = open(mailed('/verify-email'), { 'POST auth/verify-email': () => ok({ verified: true }) });
    await screen.findByText('Someone set up access with this email and chose a password. Press the button only if that was you.');
    expect(seen).toHaveLength(0);
    await user.click(screen.getByRole('button', { name: 'It was me, confirm my email' }));
    await screen.findByRole('heading', { name: 'Your email is confirmed' });
    expect(seen[0]?.body).toEqual({ token: 'abc' });
  });

  it('leads whoever chose no password to choosing one', async () => {
    const { seen } = open(mailed('/verify-email'), {});
    expect(await screen.findByRole('link', { name: 'Choose one now' })).toHaveAttribute('href', '/forgot-password');
    expect(seen).toHaveLength(0);
  });

  it('offers a fresh one when it is dead, without asking for the address', async () => {
    const { user, seen } = open(mailed('/verify-email'), {
      'POST auth/verify-email': () => refuse(400, 'CODE_INVALID'),
      'POST auth/resend-verification': () => ok({ sent: true }),
    });
    await user.click(await screen.findByRole('button', { name: 'It was me, confirm my email' }));
    expect(await screen.findByText(/This link has been used or is too old/)).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Send a new link' }));
    expect(await screen.findByText('If that address can be used here, a new message is on its way.')).toBeInTheDocument();
    expect(seen.at(-1)).toMatchObject({ route: 'POST auth/resend-verification', body: { token: 'abc' } });
  });

  it('may be dead for somebody who wants it sent elsewhere', async () => {
    const { user } = open(mailed('/verify-email'), { 'POST auth/verify-email': () => refuse(400, 'CODE_INVALID') });
    await user.click(await screen.findByRole('button', { name: 'It was me, confirm my email' }));
    await user.click(await screen.findByRole('button', { name: 'Use another address' }));
    expect(await screen.findByLabelText('Email')).toBeInTheDocument();
  });
});

describe('a forgotten password', () => {
  it('says the same for every address', async () => {
    const { user, seen } = open('/forgot-password', { 'POST auth/forgot-password': () => ok({ sent: true }) });
    await user.type(await screen.findByLabelText('Email'), 'nobody@x.example');
    await user.click(screen.getByRole('button', { name: 'Send the link' }));
    expect(await screen.findByText(/If nobody@x.example can sign in here/)).toBeInTheDocument();
    expect(seen[0]?.body).toEqual({ email: 'nobody@x.example' });
  });

  it('is replaced by the link’s token', async () => {
    const { user, seen } = open(mailed('/reset-password'), { 'POST auth/reset-password': () => ok({ reset: true }) });
    await user.type(await screen.findByLabelText('New password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Save the new password' }));
    await screen.findByRole('heading', { name: 'Your password is changed' });
    expect(seen[0]?.body).toEqual({ token: 'abc', password: 'Good-Password-1!' });
  });

  it('offers a fresh link when this one is dead, without asking for the address', async () => {
    const { user, seen } = open(mailed('/reset-password'), { 'POST auth/reset-password': () => refuse(400, 'LINK_INVALID'), 'POST auth/forgot-password': () => ok({ sent: true }) });
    await user.type(await screen.findByLabelText('New password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Save the new password' }));
    expect(await screen.findByText(/This link has been used or is too old/)).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Use another address' })).toHaveAttribute('href', '/forgot-password');
    await user.click(screen.getByRole('button', { name: 'Send a new link' }));
    expect(await screen.findByText(/a new message is on its way/)).toBeInTheDocument();
    expect(seen.at(-1)?.body).toEqual({ token: 'abc' });
  });

  it('says so when the link was cut off', async () => {
    open('/reset-password', {});
    expect(await screen.findByRole('link', { name: 'Get a new link' })).toHaveAttribute('href', '/forgot-password');
  });

  const factorAsked = (method: string) =>
    open(mailed('/reset-password'), {
      'POST auth/reset-password': ({ body }) => {
        const { mfaCode } = body as { mfaCode?: string };
        if (!mfaCode) return refuse(401, 'MFA_REQUIRED', { mfaToken: 'token1', methods: [method], expiresIn: 300 });
        return mfaCode === '123456' ? ok({ reset: true }) : refuse(401, mfaCode === '999999' ? 'MFA_EXPIRED' : 'MFA_INVALID');
      },
      'POST auth/mfa/challenge': () => ok({ sent: true, expiresIn: 300 }),
    });
  const choose = async (user: ReturnType<typeof open>['user']) => {
    await user.type(await screen.findByLabelText('New password'), 'Good-Password-1!');
    await user.click(screen.getByRole('button', { name: 'Save the new password' }));
  };

  it('takes the second factor as well, where there is one', async () => {
    const { user, seen } = factorAsked('totp');
    await choose(user);
    expect(await screen.findByText(/your email alone is not enough to change the password/)).toBeInTheDocument();
    await user.type(await screen.findByLabelText('Code'), '000000');
    expect(await screen.findByText(/^That code isn’t right/)).toBeInTheDocument();
    await user.clear(screen.getByLabelText('Code'));
    await user.type(screen.getByLabelText('Code'), '123456');
    await screen.findByRole('heading', { name: 'Your password is changed' });
    expect(seen.at(-1)?.body).toEqual({ token: 'abc', password: 'Good-Password-1!', mfaCode: '123456', method: 'totp' });
  });

  it('has a code sent where that is the factor, and gives back what it was sent for', async () => {
    const { user, seen } = factorAsked('sms');
    await choose(user);
    await user.type(await screen.findByLabelText('Code'), '123456');
    await screen.findByRole('heading', { name: 'Your password is changed' });
    expect(seen[1]).toMatchObject({ route: 'POST auth/mfa/challenge', body: { mfaToken: 'token1', method: 'sms' } });
    expect(seen.at(-1)?.body).toEqual({ token: 'abc', password: 'Good-Password-1!', mfaToken: 'token1', mfaCode: '123456', method: 'sms' });
  });

  it('starts again with what was typed when the second step took too long', async () => {
    const { user } = factorAsked('totp');
    await choose(user);
    await user.type(await screen.findByLabelText('Code'), '999999');
    expect(await screen.findByText(/That took too long/)).toBeInTheDocument();
    expect(screen.getByLabelText('New password')).toHaveValue('Good-Password-1!');
  });
});

describe('signed out', () => {
  it('says why and leads back', async () => {
    open('/signed-out?reason=idle&next=%2Fforms%2Ff1', {});
    expect(await screen.findByText(/nothing happened for a while/)).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Sign in again' })).toHaveAttribute('href', '/login?next=%2Fforms%2Ff1');
  });

  it('does not repeat what stands in the address', async () => {
    open('/signed-out?reason=%3Cscript%3E&next=%2F%2Fevil.example', {});
    await waitFor(() => expect(screen.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', '/login'));
  });
});

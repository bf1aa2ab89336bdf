import { act, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { Config, Profile } from '@/lib/types';
import { renderRoutes } from '@/test/render';
import { clinic, loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { routes as profileRoutes } from '.';

const profile = (over: Partial<Profile> = {}): Profile => ({
  clientId: 'maya',
  firstName: 'Maya',
  lastName: 'Okafor',
  email: 'maya@okafor.example',
  dateOfBirth: '1990-04-27',
  phone: '(303) 555-0100',
  phoneVerified: false,
  smsOptIn: false,
  marketingOptIn: false,
  language: 'en',
  timeZone: 'America/Denver',
  creditBalanceCents: 0,
  version: '1',
  ...over,
});
const texting: Partial<Config> = { features: { ...clinic.features, sms: true } };
const open = (routes: Routes, config: Partial<Config> = texting) => {
  const seen = serve({ 'GET profile': () => ok(profile()), ...routes });
  return { seen, ...renderRoutes(profileRoutes, '/profile', config) };
};

beforeEach(() => signIn(loginData()));
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('the phone', () => {
  it('is confirmed with a code, which can be sent again after a while', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let phoneVerified = false;
    const { user, seen } = open({
      'GET profile': () => ok(profile({ phoneVerified })),
      'POST profile/phone/send-code': () => ok({ sent: true, expiresIn: 600 }),
      'POST profile/phone/verify': ({ body }) => {
        if ((body as { code: string }).code !== '123456') return refuse(400, 'CODE_INVALID');
        phoneVerified = true;
        return ok({ phone: '(303) 555-0100', phoneVerified });
      },
    });
    expect(await screen.findByText('not confirmed')).toBeInTheDocument();
    await user.click(await screen.findByRole('button', { name: 'Confirm (303) 555-0100' }));
    const code = await screen.findByLabelText('Code from the text');
    expect(code).toHaveFocus();
    expect(screen.getByText('Send a new code in 30 s')).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'Send a new code' })).toBeNull();
    await act(() => vi.advanceTimersByTimeAsync(31_000));
    await user.click(screen.getByRole('button', { name: 'Send a new code' }));
    expect(await screen.findByText('A new code is on its way.')).toBeInTheDocument();
    expect(seen.filter((one) => one.route === 'POST profile/phone/send-code').map((one) => one.body)).toEqual([{ phone: '(303) 555-0100' }, { phone: '(303) 555-0100' }]);
    await user.type(code, '000000');
    await user.click(screen.getByRole('button', { name: 'Confirm this number' }));
    expect(await screen.findByText(/That code isn’t right/)).toBeInTheDocument();
    await user.clear(code);
    await user.type(code, '123456');
    await user.click(screen.getByRole('button', { name: 'Confirm this number' }));
    expect(await screen.findByText('Confirmed')).toBeInTheDocument();
    expect(screen.getByText('Texts about visits go to (303) 555-0100.')).toBeInTheDocument();
  });

  it('can be another one, and a refused number says why', async () => {
    const { user, seen } = open({
      'GET profile': () => ok(profile({ phoneVerified: true })),
      'POST profile/phone/send-code': ({ body }) => ((body as { phone: string }).phone === '1' ? refuse(400, 'PHONE_INVALID') : ok({ sent: true, expiresIn: 600 })),
    });
    await user.click(await screen.findByRole('button', { name: 'Use another number' }));
    const number = screen.getByLabelText('Mobile number');
    expect(number).toHaveFocus();
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    expect(number).toHaveAccessibleDescription(/Enter a mobile number/);
    await user.type(number, '1');
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    expect(await screen.findByText(/doesn’t look like a number/)).toBeInTheDocument();
    await user.clear(number);
    await user.type(number, '303 555 0199');
    await user.click(screen.getByRole('button', { name: 'Send me a code' }));
    await waitFor(() => expect(seen.at(-1)?.body).toEqual({ phone: '303 555 0199' }));
    expect(await screen.findByText('We sent a 6-digit code to 303 555 0199.')).toBeInTheDocument();
  });

  it('is only shown where the clinic sends no texts', async () => {
    open({}, { features: clinic.features });
    expect(await screen.findByText('(303) 555-0100')).toBeInTheDocument();
    expect(screen.queryByRole('heading', { name: 'Text messages' })).toBeNull();
  });
});

it('leads to sign-in and security, and to family and access', async () => {
  open({});
  expect(await screen.findByRole('link', { name: 'Sign-in and security' })).toHaveAttribute('href', '/settings/security');
  expect(screen.getByRole('link', { name: 'Family and access' })).toHaveAttribute('href', '/family');
});

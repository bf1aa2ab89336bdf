import { act, fireEvent, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { FactorChallenge } from '@/lib/factors';
import { setLanguage } from '@/lib/i18n';
import { ApiError } from '@/lib/pb';
import { renderRoutes } from '@/test/render';
import { SecondFactorForm } from './SecondFactorForm';

const refusal = (reason: string, status = 401, more = {}) => new ApiError({ status, code: 'UNAUTHORIZED', message: 'Refused.', details: { reason, ...more } });
const calls = { onCode: vi.fn(), onSend: vi.fn(), onPasskey: vi.fn(), onRestart: vi.fn() };
beforeEach(() => {
  for (const call of Object.values(calls)) call.mockReset().mockResolvedValue(undefined);
});

const show = (over: Partial<FactorChallenge> = {}) => {
  const challenge: FactorChallenge = { mfaToken: 'token1', methods: ['totp', 'sms', 'email', 'recovery'], hints: { sms: '•• 34', email: 'm•••@okafor.example' }, expiresIn: 300, ...over };
  return renderRoutes([{ path: '/', element: <SecondFactorForm challenge={challenge} {...calls} /> }], '/');
};
const field = () => screen.getByLabelText('Code');

describe('one field for the code', () => {
  it('takes a pasted code with spaces and goes on by itself, once', async () => {
    const { user } = show();
    expect(field()).toHaveAttribute('autocomplete', 'one-time-code');
    expect(field()).toHaveAttribute('inputmode', 'numeric');
    await user.click(field());
    await user.paste(' 123 456 ');
    expect(calls.onCode.mock.calls).toEqual([['totp', '123456']]);
  });

  it('goes on at the sixth digit, not before', async () => {
    const { user } = show();
    await user.type(field(), '12345');
    await user.click(screen.getByRole('button', { name: 'Go on' }));
    expect(calls.onCode).not.toHaveBeenCalled();
    expect(field()).toHaveAccessibleDescription('Enter the 6 digits.');
    await user.type(field(), '6');
    expect(calls.onCode).toHaveBeenCalledExactlyOnceWith('totp', '123456');
  });

  it('keeps the person there after a wrong code, ready to type the next', async () => {
    calls.onCode.mockRejectedValueOnce(refusal('MFA_INVALID'));
    const { user } = show();
    await user.type(field(), '000000');
    expect(await screen.findByText(/^That code isn’t right/)).toBeInTheDocument();
    expect(field()).toHaveFocus();
    await user.keyboard('123456');
    expect(calls.onCode).toHaveBeenLastCalledWith('totp', '123456');
    expect(calls.onRestart).not.toHaveBeenCalled();
  });

  it('starts again when the step is dead', async () => {
    calls.onCode.mockRejectedValueOnce(refusal('MFA_EXPIRED'));
    const { user } = show();
    await user.type(field(), '123456');
    await vi.waitFor(() => expect(calls.onRestart).toHaveBeenCalledExactlyOnceWith('expired'));
  });
});

describe('other ways', () => {
  it('are listed on request, with where a code would go; choosing one sends it and moves to the field', async () => {
    const { user } = show();
    expect(calls.onSend).not.toHaveBeenCalled();
    await user.click(screen.getByRole('button', { name: 'Choose another way' }));
    await user.click(screen.getByRole('button', { name: 'Get a code by text (•• 34)' }));
    expect(calls.onSend.mock.calls).toEqual([['sms']]);
    expect(await screen.findByText('We sent a 6-digit code to your phone (•• 34). Enter the newest one.')).toBeInTheDocument();
    expect(field()).toHaveFocus();
    await user.keyboard('123456');
    expect(calls.onCode).toHaveBeenCalledExactlyOnceWith('sms', '123456');
  });

  it('do not send a second code for coming back', async () => {
    const { user } = show({ methods: ['email', 'totp'] });
    expect(calls.onSend.mock.calls).toEqual([['email']]);
    await user.click(screen.getByRole('button', { name: 'Choose another way' }));
    await user.click(screen.getByRole('button', { name: 'Use the authenticator app' }));
    await user.click(screen.getByRole('button', { name: 'Choose another way' }));
    await user.click(screen.getByRole('button', { name: /Get a code by email/ }));
    expect(calls.onSend).toHaveBeenCalledTimes(1);
  });

  it('take a recovery code as it is written', async () => {
    const { user } = show();
    await user.click(screen.getByRole('button', { name: 'Choose another way' }));
    await user.click(screen.getByRole('button', { name: 'Use a recovery code' }));
    expect(field()).toHaveAttribute('inputmode', 'text');
    expect(field()).toHaveAttribute('autocomplete', 'off');
    await user.type(field(), 'abcd-123456 ');
    expect(calls.onCode).not.toHaveBeenCalled();
    await user.click(screen.getByRole('button', { name: 'Go on' }));
    expect(calls.onCode).toHaveBeenCalledExactlyOnceWith('recovery', 'abcd-123456');
  });

  it('say that no code could be sent, and how long to wait after too many', async () => {
    calls.onSend.mockRejectedValueOnce(refusal('X', 503)).mockRejectedValueOnce(refusal('RATE', 429, { retryAfter: 120 }));
    const { user } = show({ methods: ['sms', 'totp'] });
    expect(await screen.findByRole('alert')).toHaveTextContent('We could not send a code.');
    await user.click(screen.getByRole('button', { name: 'Send a new code' }));
    expect(await screen.findByText(/Try again in 2 minutes/)).toBeInTheDocument();
  });

  it('are none: then the clinic helps', async () => {
    const { user } = show({ methods: ['passkey'] });
    expect(screen.getByText(/this device can’t do/)).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Start over' }));
    expect(calls.onRestart).toHaveBeenCalledExactlyOnceWith();
  });
});

describe('a passkey', () => {
  beforeEach(() => void vi.stubGlobal('PublicKeyCredential', class {}));

  it('may be the second step', async () => {
    calls.onPasskey.mockRejectedValueOnce(new DOMException('no', 'NotAllowedError'));
    const { user } = show({ methods: ['passkey', 'totp'] });
    await user.click(screen.getByRole('button', { name: 'Use a passkey' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('No passkey was used.');
    await user.click(screen.getByRole('button', { name: 'Use a passkey' }));
    expect(calls.onPasskey).toHaveBeenCalledTimes(2);
  });

  it('is told when the clinic does not know it', async () => {
    calls.onPasskey.mockRejectedValueOnce(refusal('PASSKEY_INVALID'));
    const { user } = show({ methods: ['passkey'] });
    await user.click(screen.getByRole('button', { name: 'Use a passkey' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('We don’t know that passkey.');
  });
});

describe('time', () => {
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

  it('is told by the minute, politely, and its end starts again', async () => {
    vi.useFakeTimers();
    show();
    expect(screen.getByText('You have 5 minutes for this step.')).toHaveAttribute('aria-live', 'polite');
    await pass(61_000);
    expect(screen.getByText('You have 4 minutes for this step.')).toBeInTheDocument();
    await pass(215_000);
    expect(screen.getByText('You have 30 seconds for this step.')).toBeInTheDocument();
    expect(calls.onRestart).not.toHaveBeenCalled();
    await pass(25_000);
    expect(calls.onRestart).toHaveBeenCalledExactlyOnceWith('expired');
  });

  it('passes before a code is sent again', async () => {
    vi.useFakeTimers();
    show({ methods: ['email'] });
    await pass(0);
    expect(screen.getByText('Send a new code in 30 s')).toBeInTheDocument();
    await pass(30_000);
    fireEvent.click(screen.getByRole('button', { name: 'Send a new code' }));
    await pass(0);
    expect(calls.onSend).toHaveBeenCalledTimes(2);
  });
});

it('speaks Spanish', async () => {
  await setLanguage('es');
  show();
  expect(screen.getByLabelText('Código')).toBeInTheDocument();
  expect(screen.getByText('Tiene 5 minutos para este paso.')).toBeInTheDocument();
});

import { screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { Profile } from '@/lib/types';
import { sendFiles } from '@/test/files';
import { renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, sessionInfo, type Routes } from '@/test/server';
import { routes } from '.';

const address = '/api/v1/portal/profile/avatar?v=upload1';
const profile: Profile = {
  clientId: 'maya', firstName: 'Maya', lastName: 'Okafor', email: 'maya@okafor.example', dateOfBirth: '1990-04-27', phoneVerified: false,
  smsOptIn: false, marketingOptIn: false, language: 'en', timeZone: 'America/Denver', creditBalanceCents: 0, version: '1',
};
const made: string[] = [];
const revoked: string[] = [];

/** A clinic that keeps a picture or does not. */
const open = (kept: boolean, over: Routes = {}) => {
  const clinic = { kept };
  const seen = serve({
    'GET profile': () => ok({ ...profile, ...(clinic.kept ? { avatarUrl: address } : {}) }),
    'GET profile/avatar': () => ({ body: 'bytes' }),
    'GET auth/session': () => ok({ user: loginData().user, session: sessionInfo() }),
    'DELETE profile/avatar': () => {
      clinic.kept = false;
      return ok({ id: 'upload1' });
    },
    ...over,
  });
  return { clinic, seen, ...renderRoutes(routes, '/profile') };
};
const section = async () => (await screen.findByRole('heading', { name: 'Your picture' })).closest('section')!;
const image = async () => (await section()).querySelector('img');
const file = (type = 'image/png') => new File(['bytes'], 'me.png', { type });
const choose = async (user: ReturnType<typeof open>['user'], one = file()) => {
  await section();
  await user.upload(document.querySelector<HTMLInputElement>('input[type=file]')!, one);
};

beforeEach(() => {
  signIn(loginData());
  made.length = revoked.length = 0;
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => made[made.push(`blob:${made.length}`) - 1]!);
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation((url) => void revoked.push(url));
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('a picture', () => {
  it('is fetched with the token and shown from memory, and its address ends with the page', async () => {
    const { seen, unmount } = open(true);
    await waitFor(async () => expect(await image()).toHaveAttribute('src', 'blob:0'));
    expect(seen.find((one) => one.route === 'GET profile/avatar')?.headers.get('authorization')).toMatch(/\.signature$/);
    expect(document.querySelector('img[src*="/api/"]')).toBeNull();
    unmount();
    expect(revoked).toEqual(made);
  });

  it('gives its place to initials where it cannot be had', async () => {
    open(true, { 'GET profile/avatar': () => refuse(404) });
    expect(within(await section()).getByText('MO')).toBeInTheDocument();
    expect(await image()).toBeNull();
  });

  it('is looked at before it is sent, and then stays', async () => {
    const { user, clinic } = open(false);
    const sent = sendFiles(() => {
      clinic.kept = true;
      return ok({ avatarUrl: address, scan: 'clean' }, 201);
    });
    await choose(user);
    expect(screen.getByText('This is how it will look.')).toBeInTheDocument();
    expect(await image()).toHaveAttribute('src', 'blob:0');
    expect(sent).toHaveLength(0);
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    expect(await screen.findByRole('button', { name: 'Replace the picture' })).toBeInTheDocument();
    expect(sent).toHaveLength(1);
    expect(revoked).toContain('blob:0');
  });

  it('can be thought better of before and while it is sent', async () => {
    const { user } = open(false);
    const sent = sendFiles(() => 'never');
    await choose(user);
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(screen.getByRole('button', { name: 'Add a picture' })).toBeInTheDocument();
    await choose(user);
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    expect(await screen.findByText('Sending, 50%')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(await screen.findByRole('button', { name: 'Add a picture' })).toBeInTheDocument();
    expect(screen.queryByRole('alert')).toBeNull();
    expect(sent).toHaveLength(1);
  });

  it('may have to wait for the check', async () => {
    const { user } = open(false);
    sendFiles(() => ok({ avatarUrl: address, scan: 'pending' }, 201));
    await choose(user);
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    expect(await screen.findByText('We are checking the file. The picture appears here when that is done.')).toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'Remove' })).toBeInTheDocument();
  });

  it.each([
    [400, 'FILE_TYPE', 'We can’t use this kind of file. Choose a JPEG, PNG, WebP or GIF picture.', 'No podemos usar este tipo de archivo. Elija una imagen JPEG, PNG, WebP o GIF.'],
    [400, 'FILE_BROKEN', 'This file is damaged, or is not what its name says. Choose another.', 'Este archivo está dañado o no es lo que dice su nombre. Elija otro.'],
    [400, 'IMAGE_TOO_LARGE', 'This picture has too many pixels. Make it smaller, or choose another.', 'Esta imagen tiene demasiados píxeles. Hágala más pequeña o elija otra.'],
    [400, 'FILE_INFECTED', 'Our check found something harmful in this file, so we did not keep it. Choose another, and have your device checked.', 'Nuestra revisión encontró algo dañino en este archivo, así que no lo guardamos. Elija otro y haga revisar su dispositivo.'],
    [413, 'BODY_TOO_LARGE', 'This file is too large. Choose one of up to 10 MB.', 'Este archivo es demasiado grande. Elija uno de hasta 10 MB.'],
  ])('is refused with %i %s in plain words, and the former one stays', async (status, reason, english, spanish) => {
    const { user } = open(true);
    sendFiles(() => refuse(status, reason));
    await choose(user);
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent(english);
    expect(alert).toHaveFocus();
    expect(screen.getByRole('button', { name: 'Replace the picture' })).toBeInTheDocument();
    setLanguage('es');
    await waitFor(() => expect(screen.getByRole('alert')).toHaveTextContent(spanish));
  });

  it('is removed after a question', async () => {
    const { user, seen } = open(true);
    await user.click(await screen.findByRole('button', { name: 'Remove' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove the picture?' });
    expect(seen.some((one) => one.route === 'DELETE profile/avatar')).toBe(false);
    await user.click(within(dialog).getByRole('button', { name: 'Remove the picture' }));
    expect(await screen.findByRole('button', { name: 'Add a picture' })).toBeInTheDocument();
    await waitFor(async () => expect(await image()).toBeNull());
    expect(screen.queryByRole('button', { name: 'Remove' })).toBeNull();
  });
});

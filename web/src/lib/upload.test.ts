import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { acknowledgeEnd, endSession, getSession, signIn, switchClient } from './session';
import { largestFile, upload } from './upload';
import { loginData, ok, refuse, serve, token, inSeconds } from '@/test/server';
import { sendFiles } from '@/test/files';

const picture = new File(['bytes'], 'me.png', { type: 'image/png' });
beforeEach(() => signIn(loginData()));
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

it('sends the file with the token, for whom one acts, and tells how far it is', async () => {
  switchClient('leo');
  const sent = sendFiles(() => ok({ avatarUrl: '/there' }, 201));
  const onProgress = vi.fn();
  await expect(upload('profile/avatar', picture, { onProgress })).resolves.toEqual({ avatarUrl: '/there' });
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({ method: 'POST', url: '/api/v1/portal/profile/avatar' });
  expect(sent[0]!.headers).toMatchObject({ 'X-Client-Id': 'leo', 'Accept-Language': 'en', Authorization: expect.stringMatching(/\.signature$/) });
  expect((sent[0]!.body.get('file') as File).name).toBe('me.png');
  expect(onProgress.mock.calls.map(([share]) => share)).toEqual([0.5, 1]);
});

it('does not send what is too large or empty', async () => {
  const sent = sendFiles(() => ok({}));
  const large = new File(['x'], 'large.png');
  Object.defineProperty(large, 'size', { value: largestFile + 1 });
  await expect(upload('profile/avatar', large)).rejects.toMatchObject({ status: 413, reason: 'BODY_TOO_LARGE' });
  await expect(upload('profile/avatar', new File([], 'empty.png'))).rejects.toMatchObject({ reason: 'FILE_EMPTY' });
  expect(sent).toHaveLength(0);
});

it('tells why the server refused, and that it was out of reach', async () => {
  sendFiles(() => refuse(400, 'FILE_TYPE'));
  await expect(upload('profile/avatar', picture)).rejects.toMatchObject({ status: 400, reason: 'FILE_TYPE', message: 'Refused.' });
  sendFiles(() => 'offline');
  await expect(upload('profile/avatar', picture)).rejects.toMatchObject({ status: 0, code: 'OFFLINE' });
});

it('understands a refusal without an envelope', async () => {
  sendFiles(() => ({ status: 413, body: null }));
  await expect(upload('profile/avatar', picture)).rejects.toMatchObject({ status: 413 });
});

it('renews the token once and sends again', async () => {
  const asked = serve({ 'POST auth/refresh-token': () => ok({ accessToken: token(inSeconds(3600)), refreshToken: 'refresh2', expiresIn: 3600 }) });
  let first = true;
  const sent = sendFiles(() => {
    const expired = first;
    first = false;
    return expired ? refuse(401, 'TOKEN_EXPIRED') : ok({ avatarUrl: '/there' });
  });
  await expect(upload('profile/avatar', picture)).resolves.toEqual({ avatarUrl: '/there' });
  expect(sent).toHaveLength(2);
  expect(asked.map((one) => one.route)).toEqual(['POST auth/refresh-token']);
});

it('ends the session here when it has ended there', async () => {
  sendFiles(() => refuse(401, 'SESSION_ENDED'));
  await expect(upload('profile/avatar', picture)).rejects.toMatchObject({ reason: 'SESSION_ENDED' });
  expect(getSession()).toEqual({ status: 'guest', ended: 'ended' });
});

it('can be cancelled', async () => {
  const stop = new AbortController();
  const sent = sendFiles(() => 'never');
  const sending = upload('profile/avatar', picture, { signal: stop.signal });
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  stop.abort();
  await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
  await expect(upload('profile/avatar', picture, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(sent).toHaveLength(1);
});

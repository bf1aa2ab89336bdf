import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/browser';
import { api } from '@/lib/pb';
import type { Passkey } from './data';

/** The server's challenge, the browser's dialog, the answer. The library between the two loads when it is needed. */
export async function makePasskey(name: string): Promise<Passkey> {
  const { challengeId, options } = await api<{ challengeId: string; options: PublicKeyCredentialCreationOptionsJSON }>('auth/passkeys/register/begin', { method: 'POST', body: {} });
  const { startRegistration } = await import('@simplewebauthn/browser');
  const credential = await startRegistration({ optionsJSON: options });
  return api<Passkey>('auth/passkeys/register/finish', { method: 'POST', body: { challengeId, credential, name } });
}

export type PasskeyProblem = 'passkeyDismissed' | 'passkeyKnown' | 'passkeyUnable';

/** What the browser's refusal means for the person; undefined for errors that are not the browser's. */
export function passkeyProblem(error: unknown): PasskeyProblem | undefined {
  if (!(error instanceof Error)) return undefined;
  switch (error.name) {
    case 'NotAllowedError':
    case 'AbortError':
      return 'passkeyDismissed';
    case 'InvalidStateError':
      return 'passkeyKnown';
    case 'NotSupportedError':
    case 'ConstraintError':
    case 'SecurityError':
      return 'passkeyUnable';
    default:
      return undefined;
  }
}

export type Guess = 'iPhone' | 'iPad' | 'Android' | 'Mac' | 'Windows' | 'other';

/** What people would call the device in their hand; only a suggestion for a name. */
export function guessDevice(agent = navigator.userAgent): Guess {
  const known: [RegExp, Guess][] = [
    [/iPhone/, 'iPhone'],
    [/iPad/, 'iPad'],
    [/Android/, 'Android'],
    [/Macintosh/, 'Mac'],
    [/Windows/, 'Windows'],
  ];
  return known.find(([pattern]) => pattern.test(agent))?.[1] ?? 'other';
}

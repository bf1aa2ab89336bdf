import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import { api } from './pb';
import { deviceStore, keys } from './storage';

/**
 * Proving who one is with a passkey: the server's challenge, the browser's dialog, the answer. The library that
 * translates between the two is loaded when it is needed: most visits never do.
 */
const webauthn = () => import('@simplewebauthn/browser');

/** What `…/finish` and auth/reauthenticate take. */
export interface PasskeyProof {
  challengeId: string;
  credential: unknown;
}

export function canUsePasskeys(): boolean {
  return typeof window.PublicKeyCredential === 'function';
}

/** Whether the browser can offer passkeys among what it fills into the e-mail field. */
export async function canAutofillPasskeys(): Promise<boolean> {
  try {
    return canUsePasskeys() && (await window.PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
  } catch {
    return false;
  }
}

/** Asks for a passkey. `autofill` waits, without a dialog, for one chosen in the e-mail field. */
export async function provePasskey({ mfaToken, autofill = false }: { mfaToken?: string; autofill?: boolean } = {}): Promise<PasskeyProof> {
  const [{ startAuthentication }, { challengeId, options }] = await Promise.all([
    webauthn(),
    api<{ challengeId: string; options: PublicKeyCredentialRequestOptionsJSON }>('auth/passkeys/authenticate/begin', {
      method: 'POST',
      body: mfaToken ? { mfaToken } : {},
      anonymous: true,
    }),
  ]);
  return { challengeId, credential: await startAuthentication({ optionsJSON: options, useBrowserAutofill: autofill }) };
}

/** Ends what is waiting for a passkey, if anything is. */
export function stopAskingForPasskey(): void {
  void webauthn().then(({ WebAuthnAbortService }) => WebAuthnAbortService.cancelCeremony());
}

/** The person closed the browser's dialog, it ran out of time, or something else took its place. */
export function wasDismissed(error: unknown): boolean {
  return ['NotAllowedError', 'AbortError'].includes(String((error as { name?: unknown } | null)?.name));
}

/** Whether a passkey has signed somebody in on this device: then it is offered first. */
export function passkeyWorkedHere(): boolean {
  return deviceStore.get(keys.passkey) !== null;
}

export function rememberPasskeyWorked(): void {
  deviceStore.set(keys.passkey, '1');
}

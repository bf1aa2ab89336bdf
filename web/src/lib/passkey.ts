import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import { configNow } from './config';
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

/** Whether this browser has passkeys, and the page stands where the clinic's are kept (WebAuthn binds them to a domain). */
export function canUsePasskeys(): boolean {
  return typeof window.PublicKeyCredential === 'function' && passkeysLiveHere();
}

/** False at another name of the same server: browsers keep no passkey for an address of numbers. */
export function passkeysLiveHere(): boolean {
  const domain = configNow()?.passkeyRpId;
  return !domain || location.hostname === domain || location.hostname.endsWith(`.${domain}`);
}

/** Whether the browser can offer passkeys among what it fills into the e-mail field. */
export async function canAutofillPasskeys(): Promise<boolean> {
  try {
    return canUsePasskeys() && (await window.PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
  } catch {
    return false;
  }
}

interface Ask {
  mfaToken?: string;
  /** Waits, without a dialog, for a passkey chosen in the e-mail field. */
  autofill?: boolean;
  signal?: AbortSignal;
}

/** Asks for a passkey. Rejects with the server's refusal, or as `wasDismissed` tells. */
export async function provePasskey({ mfaToken, autofill = false, signal }: Ask = {}): Promise<PasskeyProof> {
  const [{ startAuthentication, WebAuthnAbortService }, { challengeId, options }] = await Promise.all([
    webauthn(),
    api<{ challengeId: string; options: PublicKeyCredentialRequestOptionsJSON }>('auth/passkeys/authenticate/begin', {
      method: 'POST',
      body: mfaToken ? { mfaToken } : {},
      anonymous: true,
      signal,
    }),
  ]);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', () => WebAuthnAbortService.cancelCeremony(), { once: true });
  return { challengeId, credential: await startAuthentication({ optionsJSON: options, useBrowserAutofill: autofill }) };
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

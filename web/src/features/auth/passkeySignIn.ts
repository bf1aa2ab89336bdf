import { useEffect, useEffectEvent, useState } from 'react';
import { canAutofillPasskeys, provePasskey, rememberPasskeyWorked, type PasskeyProof } from '@/lib/passkey';
import { api } from '@/lib/pb';
import type { LoginData } from '@/lib/types';

/** Signs in with the proof of a passkey, which counts as two factors. */
export async function finishPasskey(proof: PasskeyProof, remember: { rememberDevice?: boolean }): Promise<LoginData> {
  const data = await api<LoginData>('auth/passkeys/authenticate/finish', { method: 'POST', body: { ...proof, ...remember }, anonymous: true });
  rememberPasskeyWorked();
  return data;
}

/** The server's challenge lives for five minutes. */
const offerFor = 4 * 60_000;

/** While `enabled`, the browser offers this device's passkeys among what it fills into the e-mail field. */
export function usePasskeyAutofill(enabled: boolean, onProof: (proof: PasskeyProof) => void): void {
  const [round, setRound] = useState(0);
  const chosen = useEffectEvent(onProof);
  useEffect(() => {
    if (!enabled) return;
    const over = new AbortController();
    const offer = async () => {
      if (!(await canAutofillPasskeys()) || over.signal.aborted) return;
      const proof = await provePasskey({ autofill: true, signal: over.signal });
      chosen(proof);
      setRound(round + 1);
    };
    // Nobody asked for it: where it fails, the button says why.
    offer().catch(() => undefined);
    const timer = setTimeout(() => setRound(round + 1), offerFor);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [enabled, round]);
}

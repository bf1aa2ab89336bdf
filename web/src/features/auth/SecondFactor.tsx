import { lazy, Suspense } from 'react';
import type { FactorChallenge } from '@/lib/factors';
import { provePasskey, rememberPasskeyWorked } from '@/lib/passkey';
import { api } from '@/lib/pb';
import type { LoginData } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { useAuthWords } from './words';

// Most people are not asked on a device they know: the first page does without it.
const SecondFactorForm = lazy(() => import('@/components/SecondFactorForm').then((module) => ({ default: module.SecondFactorForm })));

interface SecondFactorProps {
  challenge: FactorChallenge;
  rememberDevice?: boolean;
  onSignedIn: (data: LoginData) => void;
  onRestart: (reason?: 'expired') => void;
}

/** The second step of signing in, whichever way the first was taken. */
export function SecondFactor({ challenge, rememberDevice, onSignedIn, onRestart }: SecondFactorProps) {
  const { t } = useAuthWords();
  const { mfaToken } = challenge;
  const remember = rememberDevice ? { rememberDevice } : {};
  return (
    <AuthLayout title={t('mfaTitle')} part="factor">
      <Suspense>
        <SecondFactorForm
          challenge={challenge}
          onSend={(method) => api('auth/mfa/challenge', { method: 'POST', body: { mfaToken, method }, anonymous: true })}
          onCode={async (method, mfaCode) =>
            onSignedIn(await api<LoginData>('auth/login', { method: 'POST', body: { mfaToken, mfaCode, method, ...remember }, anonymous: true }))
          }
          onPasskey={async () => {
            const proof = await provePasskey({ mfaToken });
            const data = await api<LoginData>('auth/passkeys/authenticate/finish', { method: 'POST', body: { ...proof, ...remember }, anonymous: true });
            rememberPasskeyWorked();
            onSignedIn(data);
          }}
          onRestart={onRestart}
        />
      </Suspense>
    </AuthLayout>
  );
}

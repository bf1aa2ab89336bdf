import { useEffect, useState, type FormEvent } from 'react';
import { Actions, Button } from '@/components/Button';
import { Banner } from '@/components/Banner';
import { CodeInput } from '@/components/Field';
import { HelpLine } from '@/components/Page';
import { useErrorSentence } from '@/lib/errors';
import { api, ApiError } from '@/lib/pb';
import type { LoginData, MfaMethod } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { useAuthWords } from './words';

interface SecondFactorProps {
  challenge: { mfaToken: string; methods: MfaMethod[] };
  onSignedIn: (data: LoginData) => void;
  onStartOver: () => void;
}

/** The second step of signing in: one field for the code of the first method this page can serve. */
export function SecondFactor({ challenge, onSignedIn, onStartOver }: SecondFactorProps) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const [code, setCode] = useState('');
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { mfaToken, methods } = challenge;
  const method = methods.find((one) => one !== 'passkey');
  const mustBeSent = method === 'sms' || method === 'email';

  useEffect(() => {
    if (!mustBeSent) return;
    api('auth/mfa/challenge', { method: 'POST', body: { mfaToken, method }, anonymous: true }).catch((failure: unknown) => setProblem(sentence(failure)));
    // Sent once, when the page opens.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mfaToken]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const mfaCode = code.replace(/\s/g, '');
    if (!mfaCode) {
      setError(t('codeBad'));
      return;
    }
    setBusy(true);
    setError(undefined);
    setProblem(undefined);
    try {
      onSignedIn(await api<LoginData>('auth/login', { method: 'POST', body: { mfaToken, mfaCode, method }, anonymous: true }));
    } catch (failure) {
      if (failure instanceof ApiError && failure.reason === 'MFA_INVALID') setError(t('codeBad'));
      else setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  const lead =
    method === 'totp' ? t('mfaTotp') : method === 'recovery' ? t('mfaRecovery') : mustBeSent ? t('mfaSent', { method: t(method === 'sms' ? 'mfaSms' : 'mfaEmail') }) : t('mfaOther');

  return (
    <AuthLayout title={t('mfaTitle')} lead={lead} step={undefined}>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      {method ? (
        <form onSubmit={(event) => void submit(event)} noValidate>
          <CodeInput
            name="mfaCode"
            label={t('mfaLabel')}
            inputMode={method === 'recovery' ? 'text' : 'numeric'}
            value={code}
            onChange={(event) => setCode(event.target.value)}
            error={error}
          />
          <Actions>
            <Button variant="primary" type="submit" busy={busy}>
              {t('mfaGo')}
            </Button>
            <Button variant="quiet" onClick={onStartOver}>
              {t('mfaAgain')}
            </Button>
          </Actions>
        </form>
      ) : (
        <>
          <HelpLine />
          <Actions>
            <Button onClick={onStartOver}>{t('mfaAgain')}</Button>
          </Actions>
        </>
      )}
    </AuthLayout>
  );
}

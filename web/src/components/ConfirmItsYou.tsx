import { KeyRound } from 'lucide-react';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useConfig } from '@/lib/config';
import { challengeOf, type FactorChallenge } from '@/lib/factors';
import { defineWords } from '@/lib/i18n';
import { canUsePasskeys, provePasskey, wasDismissed } from '@/lib/passkey';
import { api, ApiError } from '@/lib/pb';
import { answerProof } from '@/lib/proof';
import { noteProof, useSession } from '@/lib/session';
import { Actions, Button } from './Button';
import { Dialog } from './Dialog';
import { Failure } from './Failure';
import { PasswordInput } from './Field';
import { SecondFactorForm } from './SecondFactorForm';

const useWords = defineWords(
  'proof',
  {
    title: 'Is it still you?',
    body: 'Before you go on, we check once more that it’s you.',
    codeTitle: 'One more step',
    password: 'Your password',
    missing: 'Enter your password.',
    wrong: 'That is not your password. Check it and try again.',
    go: 'Continue',
    going: 'Checking…',
    passkey: 'Use a passkey instead',
    passkeyBusy: 'Waiting for the passkey…',
    dismissed: 'No passkey was used. Try again, or enter your password.',
    unknown: 'We don’t know that passkey. Enter your password.',
    other: 'That belongs to another person’s account.',
    expired: 'That took too long. Enter your password again.',
    cancel: 'Cancel',
  },
  {
    title: '¿Sigue siendo usted?',
    body: 'Antes de continuar, comprobamos otra vez que es usted.',
    codeTitle: 'Un paso más',
    password: 'Su contraseña',
    missing: 'Escriba su contraseña.',
    wrong: 'Esa no es su contraseña. Revísela e intente otra vez.',
    go: 'Continuar',
    going: 'Comprobando…',
    passkey: 'Usar una llave de acceso',
    passkeyBusy: 'Esperando la llave de acceso…',
    dismissed: 'No se usó ninguna llave de acceso. Intente otra vez o escriba su contraseña.',
    unknown: 'No reconocemos esa llave de acceso. Escriba su contraseña.',
    other: 'Eso corresponde a la cuenta de otra persona.',
    expired: 'Pasó demasiado tiempo. Escriba su contraseña otra vez.',
    cancel: 'Cancelar',
  },
);

async function prove(body: Record<string, unknown>): Promise<void> {
  const { provenUntil } = await api<{ provenUntil: string }>('auth/reauthenticate', { method: 'POST', body });
  noteProof(provenUntil);
}

/** Asks for the password and, where the account has one, the second factor; or for a passkey, which counts as both. */
export default function ConfirmItsYou() {
  const { t } = useWords();
  const { features } = useConfig();
  const session = useSession();
  const box = useRef<HTMLDivElement>(null);
  const [password, setPassword] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [failure, setFailure] = useState<Error>();
  const [challenge, setChallenge] = useState<FactorChallenge>();
  const [busy, setBusy] = useState<'password' | 'passkey'>();
  const step = challenge?.mfaToken;

  useEffect(() => {
    // The second step, and the way back from it, begin at their field.
    if (step) box.current?.querySelector<HTMLElement>('input:not([hidden])')?.focus();
  }, [step]);

  const cancel = () => answerProof(false);

  const refuse = (message: string) => {
    setWrong(message);
    box.current?.querySelector<HTMLElement>('#proofPassword')?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    // The dialog may stand over a form of the page; React's events would reach that one too.
    event.stopPropagation();
    if (busy) return;
    setFailure(undefined);
    if (!password) return refuse(t('missing'));
    setWrong(undefined);
    setBusy('password');
    try {
      await prove({ password });
      answerProof(true);
    } catch (error) {
      const next = challengeOf(error);
      if (next) setChallenge(next);
      else if (error instanceof ApiError && error.reason === 'WRONG_PASSWORD') refuse(t('wrong'));
      else setFailure(error as Error);
    } finally {
      setBusy(undefined);
    }
  };

  const withPasskey = async (mfaToken?: string) => {
    const proof = await provePasskey({ mfaToken });
    await prove({ ...proof });
    answerProof(true);
  };

  const tryPasskey = async () => {
    setFailure(undefined);
    setWrong(undefined);
    setBusy('passkey');
    try {
      await withPasskey();
    } catch (error) {
      setFailure(wasDismissed(error) ? new Error(t('dismissed')) : (error as Error));
    } finally {
      setBusy(undefined);
    }
  };

  const restart = (reason?: 'expired') => {
    setChallenge(undefined);
    setPassword('');
    setFailure(reason && new Error(t('expired')));
  };

  return (
    <Dialog open onClose={cancel} focus="field" title={t(challenge ? 'codeTitle' : 'title')}>
      <div ref={box}>
        {challenge ? (
          <>
            <SecondFactorForm
              challenge={challenge}
              onCode={async (method, mfaCode) => {
                await prove({ mfaToken: challenge.mfaToken, mfaCode, method });
                answerProof(true);
              }}
              onSend={(method) => api('auth/mfa/challenge', { method: 'POST', body: { mfaToken: challenge.mfaToken, method } })}
              onPasskey={() => withPasskey(challenge.mfaToken)}
              onRestart={restart}
            />
            <Actions className="mt-3 -ml-3">
              <Button variant="quiet" small onClick={cancel}>
                {t('cancel')}
              </Button>
            </Actions>
          </>
        ) : (
          <>
            <p className="mb-4">{t('body')}</p>
            <Failure error={failure} says={{ PASSKEY_INVALID: t('unknown'), WRONG_ACCOUNT: t('other') }} own />
            <form onSubmit={(event) => void submit(event)} noValidate>
              {/* Tells a password manager whose password is asked for. */}
              <input type="text" name="username" autoComplete="username" value={session.status === 'signed-in' ? session.user.email : ''} readOnly hidden />
              <PasswordInput
                label={t('password')}
                name="proofPassword"
                autoComplete="current-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
                error={wrong}
              />
              <Actions>
                <Button variant="primary" type="submit" busy={busy === 'password'} busyLabel={t('going')}>
                  {t('go')}
                </Button>
                <Button variant="quiet" onClick={cancel}>
                  {t('cancel')}
                </Button>
              </Actions>
            </form>
            {features.passkeys && canUsePasskeys() && (
              <Button className="mt-4" wide icon={KeyRound} busy={busy === 'passkey'} busyLabel={t('passkeyBusy')} onClick={() => void tryPasskey()}>
                {t('passkey')}
              </Button>
            )}
          </>
        )}
      </div>
    </Dialog>
  );
}

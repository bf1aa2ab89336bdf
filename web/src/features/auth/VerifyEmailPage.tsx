import { useState, type FormEvent } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { TextInput } from '@/components/Field';
import { useErrorSentence } from '@/lib/errors';
import { useMailToken } from '@/lib/mailToken';
import { api, ApiError } from '@/lib/pb';
import { AuthLayout } from './AuthLayout';
import { CheckMail } from './CheckMail';
import { DeadLink } from './DeadLink';
import { looksLikeEmail } from './fields';
import type { AuthState } from './useSignIn';
import { useAuthWords } from './words';

/**
 * From the mail's link: one button, because mail scanners open links and must not use them up, and because whoever
 * reads the mail may not be who chose the password. Who did not can choose one, which makes the other void.
 * Without a link: address, then code.
 */
export function Component() {
  const token = useMailToken();
  const navigate = useNavigate();
  const known = (useLocation().state as AuthState | null)?.email;
  const [verified, setVerified] = useState(false);
  const [dead, setDead] = useState(false);
  const [email, setEmail] = useState(known);
  const { t } = useAuthWords();

  if (verified) {
    return (
      <AuthLayout title={t('verifiedTitle')} lead={t('verifiedLead')} step={undefined}>
        <LinkButton variant="primary" to={paths.login} state={{ email } satisfies AuthState}>
          {t('signIn')}
        </LinkButton>
      </AuthLayout>
    );
  }
  if (token && dead) {
    return (
      <DeadLink title={t('verifyTitle')} token={token} route="auth/resend-verification">
        <button type="button" className="link min-h-6" onClick={() => void navigate(paths.verifyEmail, { replace: true })}>
          {t('otherAddress')}
        </button>
      </DeadLink>
    );
  }
  if (token) return <ByLink token={token} onVerified={() => setVerified(true)} onDead={() => setDead(true)} />;
  if (!email) return <ByAddress onAddress={setEmail} />;
  return (
    <AuthLayout title={t('verifyTitle')} lead={t('mailSent', { email })}>
      <CheckMail email={email} onVerified={() => setVerified(true)} onOtherAddress={() => setEmail(undefined)} />
    </AuthLayout>
  );
}

function ByLink({ token, onVerified, onDead }: { token: string; onVerified: () => void; onDead: () => void }) {
  const { t, rich } = useAuthWords();
  const sentence = useErrorSentence();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const confirm = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await api('auth/verify-email', { method: 'POST', body: { token }, anonymous: true });
      onVerified();
    } catch (error) {
      if (error instanceof ApiError && error.status === 400) onDead();
      else setProblem(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <AuthLayout title={t('verifyTitle')} lead={t('verifyPress')}>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      <Button variant="primary" busy={busy} busyLabel={t('confirming')} onClick={() => void confirm()}>
        {t('verifyButton')}
      </Button>
      <p className="mt-8">{rich('verifyNotMe', { a: <Link className="link" to={paths.forgotPassword} /> })}</p>
    </AuthLayout>
  );
}

/** Which address; then a fresh message goes out, so that the code that is asked for exists. */
function ByAddress({ onAddress }: { onAddress: (email: string) => void }) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const email = typed.trim();
    if (!looksLikeEmail(email)) {
      setError(t('errEmail'));
      document.getElementById('email')?.focus();
      return;
    }
    setBusy(true);
    try {
      await api('auth/resend-verification', { method: 'POST', body: { email }, anonymous: true });
      onAddress(email);
    } catch (failure) {
      setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <AuthLayout title={t('verifyTitle')} lead={t('verifyLead')}>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <TextInput
          name="email"
          label={t('email')}
          type="email"
          inputMode="email"
          autoComplete="email"
          autoCapitalize="none"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          error={error}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={busy} busyLabel={t('sending')}>
            {t('continue')}
          </Button>
        </Actions>
      </form>
    </AuthLayout>
  );
}

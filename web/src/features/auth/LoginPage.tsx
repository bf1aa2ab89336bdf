import { useState, type FormEvent, type ReactNode } from 'react';
import { Link, Navigate, useLocation, useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { PasswordInput, TextInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { challengeOf, type FactorChallenge } from '@/lib/factors';
import { useFormat } from '@/lib/format';
import type { Problem } from '@/lib/forms';
import { safeNext } from '@/lib/nextPath';
import { api, ApiError } from '@/lib/pb';
import { signIn, useSession } from '@/lib/session';
import type { LoginData } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { looksLikeEmail, useAtPhone } from './fields';
import { SecondFactor } from './SecondFactor';
import { useAuthWords } from './words';

/** Passed along in the history entry, never in the address: an e-mail address does not belong in a URL. */
export interface AuthState {
  email?: string;
}

/** Most people's first page: two fields need no form library, and every kilobyte counts here. */
export function Component() {
  const { t, rich } = useAuthWords();
  const { clinicName, features } = useConfig();
  const session = useSession();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const known = (useLocation().state as AuthState | null)?.email ?? '';
  const next = safeNext(params.get('next'), paths.home);
  const sentence = useErrorSentence();
  const format = useFormat();
  const atPhone = useAtPhone();
  const [refusal, setRefusal] = useState<ReactNode>();
  const [challenge, setChallenge] = useState<FactorChallenge>();
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const [problems, setProblems] = useState<Problem[]>([]);
  const [tries, setTries] = useState(0);
  const [busy, setBusy] = useState(false);

  if (session.status === 'signed-in') return <Navigate to={next} replace />;
  if (challenge) return <SecondFactor challenge={challenge} onSignedIn={signIn} onRestart={() => setChallenge(undefined)} />;

  const missing = (): Problem[] => [
    ...(looksLikeEmail(email) ? [] : [{ id: 'email', message: t('errEmail') }]),
    ...(password ? [] : [{ id: 'password', message: t('errPassword') }]),
  ];
  const problemOf = (id: string) => problems.find((one) => one.id === id)?.message;
  /** Once a try has failed, a mended field loses its message when it is left. */
  const look = () => tries > 0 && setProblems(missing());

  const refused = (error: unknown): ReactNode => {
    if (!(error instanceof ApiError)) return sentence(error);
    switch (error.reason) {
      case 'INVALID_CREDENTIALS':
        return t(features.magicLink ? 'fail' : 'failNoLink');
      case 'ACCOUNT_LOCKED':
        return error.retryAfter ? t('lockedNoLink', { time: format.span(error.retryAfter), phone: atPhone }) : t('lockedNoTime', { phone: atPhone });
      case 'EMAIL_NOT_VERIFIED':
        return rich('notVerified', { a: <Link className="link" to={paths.verifyEmail} state={{ email: email.trim() } satisfies AuthState} /> });
      default:
        return sentence(error);
    }
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setRefusal(undefined);
    setTries(tries + 1);
    const found = missing();
    setProblems(found);
    if (found.length > 0) return;
    setBusy(true);
    try {
      signIn(await api<LoginData>('auth/login', { method: 'POST', body: { email: email.trim(), password }, anonymous: true }));
      void navigate(next, { replace: true });
    } catch (error) {
      const asked = challengeOf(error);
      if (asked) setChallenge(asked);
      else setRefusal(refused(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <AuthLayout title={t('signIn')} heading={t('signInTo', { clinic: clinicName })}>
      <ErrorSummary key={tries} problems={problems} />
      {refusal && (
        <Banner takeFocus tone="danger" className="mb-6">
          {refusal}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <TextInput
          label={t('email')}
          type="email"
          autoComplete="username"
          inputMode="email"
          autoCapitalize="none"
          spellCheck={false}
          name="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          onBlur={look}
          error={problemOf('email')}
        />
        <PasswordInput
          label={t('password')}
          autoComplete="current-password"
          name="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          onBlur={look}
          error={problemOf('password')}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={busy} busyLabel={t('signingIn')}>
            {t('signIn')}
          </Button>
          <Link to={paths.forgotPassword} className="link py-2">
            {t('forgot')}
          </Link>
        </Actions>
      </form>
      <p className="mt-8">{rich('firstTime', { a: <Link className="link" to={paths.register} /> })}</p>
    </AuthLayout>
  );
}

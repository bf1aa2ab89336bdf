import { useState, type ReactNode } from 'react';
import { useForm } from 'react-hook-form';
import { Link, Navigate, useLocation, useNavigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { PasswordInput, TextInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { useFormat } from '@/lib/format';
import { problemsOf } from '@/lib/forms';
import { safeNext } from '@/lib/nextPath';
import { api, ApiError } from '@/lib/pb';
import { signIn, useSession } from '@/lib/session';
import type { LoginData, MfaMethod } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { looksLikeEmail, useAtPhone } from './fields';
import { SecondFactor } from './SecondFactor';
import { useAuthWords } from './words';

interface Fields {
  email: string;
  password: string;
}

/** Passed along in the history entry, never in the address: an e-mail address does not belong in a URL. */
export interface AuthState {
  email?: string;
}

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
  const [challenge, setChallenge] = useState<{ mfaToken: string; methods: MfaMethod[] }>();
  const form = useForm<Fields>({ defaultValues: { email: known, password: '' }, shouldFocusError: false, mode: 'onSubmit', reValidateMode: 'onBlur' });
  const { errors, isSubmitting, submitCount } = form.formState;

  if (session.status === 'signed-in') return <Navigate to={next} replace />;
  if (challenge) return <SecondFactor challenge={challenge} onSignedIn={signIn} onStartOver={() => setChallenge(undefined)} />;

  const refused = (error: unknown, email: string): ReactNode => {
    if (!(error instanceof ApiError)) return sentence(error);
    switch (error.reason) {
      case 'INVALID_CREDENTIALS':
        return t(features.magicLink ? 'fail' : 'failNoLink');
      case 'ACCOUNT_LOCKED':
        return error.retryAfter ? t('lockedNoLink', { time: format.span(error.retryAfter), phone: atPhone }) : t('lockedNoTime', { phone: atPhone });
      case 'EMAIL_NOT_VERIFIED':
        return rich('notVerified', { a: <Link className="link" to={paths.verifyEmail} state={{ email } satisfies AuthState} /> });
      default:
        return sentence(error);
    }
  };

  const submit = form.handleSubmit(async ({ email, password }) => {
    setRefusal(undefined);
    try {
      signIn(await api<LoginData>('auth/login', { method: 'POST', body: { email: email.trim(), password }, anonymous: true }));
      void navigate(next, { replace: true });
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'MFA_REQUIRED') {
        setChallenge({ mfaToken: String(error.details.mfaToken), methods: (error.details.methods as MfaMethod[] | undefined) ?? [] });
        return;
      }
      setRefusal(refused(error, email.trim()));
    }
  });

  return (
    <AuthLayout title={t('signIn')} heading={t('signInTo', { clinic: clinicName })}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['email', 'password'])} />}
      {refusal && (
        <Banner takeFocus key={submitCount} tone="danger" className="mb-6">
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
          error={errors.email?.message}
          {...form.register('email', { validate: (value) => looksLikeEmail(value) || t('errEmail') })}
        />
        <PasswordInput
          label={t('password')}
          autoComplete="current-password"
          error={errors.password?.message}
          {...form.register('password', { required: t('errPassword') })}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('signingIn')}>
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

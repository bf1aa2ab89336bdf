import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Link } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { meetsPolicy, PasswordInput } from '@/components/Field';
import { SecondFactorForm } from '@/components/SecondFactorForm';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { challengeOf, type CodeMethod, type FactorChallenge } from '@/lib/factors';
import { problemsOf } from '@/lib/forms';
import { useMailToken } from '@/lib/mailToken';
import { api, ApiError } from '@/lib/pb';
import { AuthLayout } from './AuthLayout';
import { DeadLink } from './DeadLink';
import { useAuthWords } from './words';

export function Component() {
  const token = useMailToken();
  const { t } = useAuthWords();
  if (token) return <ByLink token={token} />;
  return (
    <AuthLayout title={t('resetTitle')} lead={t('resetNoToken')}>
      <LinkButton variant="primary" to={paths.forgotPassword}>
        {t('newLink')}
      </LinkButton>
    </AuthLayout>
  );
}

/** A mailbox alone does not change the password of an account that has a second factor. */
function ByLink({ token }: { token: string }) {
  const { t } = useAuthWords();
  const { passwordPolicy } = useConfig();
  const sentence = useErrorSentence();
  const [state, setState] = useState<'open' | 'done' | 'dead'>('open');
  const [challenge, setChallenge] = useState<FactorChallenge>();
  const [problem, setProblem] = useState<string>();
  const form = useForm<{ password: string }>({ defaultValues: { password: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const typed = useWatch({ control: form.control, name: 'password' });
  const { errors, isSubmitting, submitCount } = form.formState;

  /** Rejects where the factor was wrong or its time is over: the second step says so itself. */
  const reset = async (password: string, factor: Record<string, string> = {}) => {
    setProblem(undefined);
    try {
      await api('auth/reset-password', { method: 'POST', body: { token, password, ...factor }, anonymous: true });
      setState('done');
    } catch (error) {
      const asked = challengeOf(error);
      if (asked) setChallenge(asked);
      else if (!(error instanceof ApiError)) throw error;
      else if (['MFA_INVALID', 'MFA_EXPIRED'].includes(error.reason ?? '')) throw error;
      else if (error.fields.password) {
        setChallenge(undefined);
        form.setError('password', { message: error.fields.password.message });
      } else if (error.status === 400 || error.status === 404) setState('dead');
      else setProblem(sentence(error));
    }
  };

  if (state === 'done') {
    return (
      <AuthLayout title={t('resetDoneTitle')} lead={t('resetDone')} part="done">
        <LinkButton variant="primary" to={paths.login}>
          {t('signIn')}
        </LinkButton>
      </AuthLayout>
    );
  }
  if (state === 'dead') {
    return (
      <DeadLink title={t('resetTitle')} token={token} route="auth/forgot-password">
        <Link className="link" to={paths.forgotPassword}>
          {t('otherAddress')}
        </Link>
      </DeadLink>
    );
  }

  const banner = problem && (
    <Banner takeFocus tone="danger" className="mb-6">
      {problem}
    </Banner>
  );
  if (challenge) {
    const { mfaToken } = challenge;
    const present = (method: CodeMethod, mfaCode: string) =>
      // A code that was sent belongs to the token it was sent for.
      reset(form.getValues('password'), method === 'sms' || method === 'email' ? { mfaToken, mfaCode, method } : { mfaCode, method });
    return (
      <AuthLayout title={t('mfaTitle')} lead={t('resetFactor')} part="factor">
        {banner}
        <SecondFactorForm
          challenge={challenge}
          onCode={present}
          onSend={(method) => api('auth/mfa/challenge', { method: 'POST', body: { mfaToken, method }, anonymous: true })}
          onRestart={(reason) => {
            setChallenge(undefined);
            setProblem(reason && t('mfaExpired'));
          }}
        />
      </AuthLayout>
    );
  }
  return (
    <AuthLayout title={t('resetTitle')} lead={t('resetLead')} part="start">
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['password'])} />}
      {banner}
      <form onSubmit={(event) => void form.handleSubmit(({ password }) => reset(password))(event)} noValidate>
        <PasswordInput
          label={t('newPassword')}
          autoComplete="new-password"
          rulesFor={typed}
          error={errors.password?.message}
          {...form.register('password', { validate: (value) => meetsPolicy(value, passwordPolicy) || t('errPolicy') })}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('saving')}>
            {t('save')}
          </Button>
        </Actions>
      </form>
    </AuthLayout>
  );
}

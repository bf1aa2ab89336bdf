import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Navigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { meetsPolicy, PasswordInput } from '@/components/Field';
import { ToSignIn } from '@/components/ToSignIn';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { problemsOf, showServerProblems } from '@/lib/forms';
import { safeNext } from '@/lib/nextPath';
import { api, ApiError } from '@/lib/pb';
import { mustChangePassword, passwordChanged, signOut, useSession } from '@/lib/session';
import { AuthLayout } from './AuthLayout';
import { useAuthWords } from './words';

interface Passwords {
  currentPassword: string;
  newPassword: string;
}
const order: (keyof Passwords)[] = ['currentPassword', 'newPassword'];

/** The clinic asked for another password: until there is one, the server answers nothing else. */
export function Component() {
  const { t } = useAuthWords();
  const { passwordPolicy } = useConfig();
  const session = useSession();
  const sentence = useErrorSentence();
  const [params] = useSearchParams();
  const next = safeNext(params.get('next'), paths.home);
  const [problem, setProblem] = useState<string>();
  const form = useForm<Passwords>({ defaultValues: { currentPassword: '', newPassword: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const typed = useWatch({ control: form.control, name: 'newPassword' });
  const { errors, isSubmitting, submitCount } = form.formState;

  if (session.status !== 'signed-in') return <ToSignIn session={session} />;
  if (!mustChangePassword(session)) return <Navigate to={next} replace />;

  const submit = form.handleSubmit(async (passwords) => {
    setProblem(undefined);
    try {
      const { accessToken } = await api<{ accessToken: string }>('auth/change-password', { method: 'POST', body: passwords });
      passwordChanged(accessToken);
    } catch (error) {
      if (!(error instanceof ApiError) || !showServerProblems(error, form.setError, order)) setProblem(sentence(error));
    }
  });

  return (
    <AuthLayout title={t('resetTitle')} lead={t('forcedLead')}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, order)} />}
      {problem && (
        <Banner takeFocus tone="danger" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        {/* Password managers store the pair only when they see the name. */}
        <input type="email" name="username" autoComplete="username" value={session.user.email} readOnly hidden />
        <PasswordInput
          label={t('currentPassword')}
          hint={t('currentPasswordHint')}
          autoComplete="current-password"
          error={errors.currentPassword?.message}
          {...form.register('currentPassword', { validate: (value) => value !== '' || t('errPassword') })}
        />
        <PasswordInput
          label={t('newPassword')}
          autoComplete="new-password"
          rulesFor={typed}
          error={errors.newPassword?.message}
          {...form.register('newPassword', { validate: (value) => meetsPolicy(value, passwordPolicy) || t('errPolicy') })}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('saving')}>
            {t('save')}
          </Button>
          <Button variant="quiet" onClick={() => void signOut()}>
            {t('signOut')}
          </Button>
        </Actions>
      </form>
    </AuthLayout>
  );
}

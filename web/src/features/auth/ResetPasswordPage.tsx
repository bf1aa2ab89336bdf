import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { meetsPolicy, PasswordInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { problemsOf } from '@/lib/forms';
import { api, ApiError } from '@/lib/pb';
import { AuthLayout } from './AuthLayout';
import { useAuthWords } from './words';

export function Component() {
  const { t } = useAuthWords();
  const { passwordPolicy } = useConfig();
  const sentence = useErrorSentence();
  const [params] = useSearchParams();
  const token = params.get('token');
  const [state, setState] = useState<'open' | 'done' | 'dead'>(token ? 'open' : 'dead');
  const [problem, setProblem] = useState<string>();
  const form = useForm<{ password: string }>({ defaultValues: { password: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const typed = useWatch({ control: form.control, name: 'password' });
  const { errors, isSubmitting, submitCount } = form.formState;

  const submit = form.handleSubmit(async ({ password }) => {
    setProblem(undefined);
    try {
      await api('auth/reset-password', { method: 'POST', body: { token, password }, anonymous: true });
      setState('done');
    } catch (error) {
      if (error instanceof ApiError && error.fields.password) form.setError('password', { message: error.fields.password.message });
      else if (error instanceof ApiError && (error.status === 400 || error.status === 404)) setState('dead');
      else setProblem(sentence(error));
    }
  });

  if (state === 'done') {
    return (
      <AuthLayout title={t('resetDoneTitle')} lead={t('resetDone')}>
        <LinkButton variant="primary" to={paths.login}>
          {t('signIn')}
        </LinkButton>
      </AuthLayout>
    );
  }
  if (state === 'dead') {
    return (
      <AuthLayout title={t('resetTitle')} lead={token ? t('linkDead') : t('resetNoToken')}>
        <LinkButton variant="primary" to={paths.forgotPassword}>
          {t('newLink')}
        </LinkButton>
      </AuthLayout>
    );
  }
  return (
    <AuthLayout title={t('resetTitle')} lead={t('resetLead')}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['password'])} />}
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate>
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

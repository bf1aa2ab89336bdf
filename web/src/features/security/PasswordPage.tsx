import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { meetsPolicy, PasswordInput } from '@/components/Field';
import { TaskPage } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { problemsOf, showServerProblems } from '@/lib/forms';
import { api, ApiError } from '@/lib/pb';
import { NotProven, proven } from '@/lib/proof';
import { passwordChanged, useSession } from '@/lib/session';
import { useChanged } from './data';
import { useSecurityWords } from './words';

interface Passwords {
  currentPassword: string;
  newPassword: string;
}

export function Component() {
  const { t } = useSecurityWords();
  const { passwordPolicy } = useConfig();
  const session = useSession();
  const navigate = useNavigate();
  const toast = useToast();
  const changed = useChanged();
  const [failure, setFailure] = useState<Error>();
  const form = useForm<Passwords>({ defaultValues: { currentPassword: '', newPassword: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const typed = useWatch({ control: form.control, name: 'newPassword' });
  const { errors, isSubmitting, submitCount } = form.formState;

  const submit = form.handleSubmit(async (body) => {
    setFailure(undefined);
    try {
      const { accessToken } = await proven(() => api<{ accessToken: string }>('auth/change-password', { method: 'POST', body }));
      passwordChanged(accessToken);
      toast(t('passwordDone'));
      void changed();
      void navigate(paths.security);
    } catch (error) {
      if (error instanceof NotProven) return;
      if (error instanceof ApiError && error.reason === 'WRONG_PASSWORD') form.setError('currentPassword', { message: t('errWrong') });
      else if (!(error instanceof ApiError) || !showServerProblems(error, form.setError, ['currentPassword', 'newPassword'])) setFailure(error as Error);
    }
  });

  return (
    <TaskPage title={t('passwordTitle')} lead={t('passwordLead')} back={{ to: paths.security, label: t('back') }}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['currentPassword', 'newPassword'])} />}
      <Failure error={failure} />
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <input type="text" name="username" autoComplete="username" value={session.status === 'signed-in' ? session.user.email : ''} readOnly hidden />
        <PasswordInput
          label={t('current')}
          autoComplete="current-password"
          error={errors.currentPassword?.message}
          {...form.register('currentPassword', { validate: (value) => value !== '' || t('errCurrent') })}
        />
        <PasswordInput
          label={t('next')}
          autoComplete="new-password"
          rulesFor={typed}
          error={errors.newPassword?.message}
          {...form.register('newPassword', { validate: (value) => meetsPolicy(value, passwordPolicy) || t('errPolicy') })}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('saving')}>
            {t('passwordSave')}
          </Button>
        </Actions>
      </form>
      <p className="mt-6 text-sm text-ink-2">{t('forgot')}</p>
    </TaskPage>
  );
}

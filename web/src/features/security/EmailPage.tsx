import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { CodeInput, codeOf, TextInput } from '@/components/Field';
import { HelpLine, TaskPage } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { useFormat } from '@/lib/format';
import { problemsOf, showServerProblems } from '@/lib/forms';
import { api, ApiError } from '@/lib/pb';
import { NotProven, proven, useProven } from '@/lib/proof';
import { renewSession, useSession } from '@/lib/session';
import { useChanged, usePendingEmail } from './data';
import { useSecurityWords } from './words';

const send = (email: string) => proven(() => api<unknown>('auth/change-email', { method: 'POST', body: { email } }));

/** Another address to sign in with: both must answer, the old one so that nobody moves the access in silence. */
export function Component() {
  const { t } = useSecurityWords();
  const session = useSession();
  const query = usePendingEmail();
  const email = session.status === 'signed-in' ? session.user.email : '';
  return (
    <TaskPage title={t('emailTitle')} lead={t('emailNow', { email })} back={{ to: paths.security, label: t('back') }} step={query.data?.pending ? 'codes' : 'email'}>
      <QueryView query={query} skeleton={<Skeleton shape="form" count={1} />}>
        {({ pending }) => (pending ? <Codes pending={pending} old={email} /> : <NewEmail />)}
      </QueryView>
    </TaskPage>
  );
}

function NewEmail() {
  const { t } = useSecurityWords();
  const changed = useChanged();
  const [failure, setFailure] = useState<Error>();
  const form = useForm<{ email: string }>({ defaultValues: { email: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const { errors, isSubmitting, submitCount } = form.formState;
  const submit = form.handleSubmit(async ({ email }) => {
    setFailure(undefined);
    try {
      await send(email.trim());
      await changed();
    } catch (error) {
      if (error instanceof NotProven) return;
      if (!(error instanceof ApiError) || !showServerProblems(error, form.setError, ['email'])) setFailure(error as Error);
    }
  });
  return (
    <>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['email'])} />}
      <Failure error={failure} />
      <form onSubmit={(event) => void submit(event)} noValidate>
        <TextInput
          label={t('newEmail')}
          type="email"
          inputMode="email"
          autoComplete="email"
          autoCapitalize="none"
          spellCheck={false}
          error={errors.email?.message}
          {...form.register('email', { validate: (value) => /^\S+@\S+\.\S+$/.test(value.trim()) || t('errEmail') })}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('sending')}>
            {t('sendCodes')}
          </Button>
        </Actions>
      </form>
    </>
  );
}

interface CodesProps {
  pending: { email: string; expiresAt: string };
  /** The address until now. */
  old: string;
}

function Codes({ pending, old }: CodesProps) {
  const { t } = useSecurityWords();
  const format = useFormat();
  const navigate = useNavigate();
  const toast = useToast();
  const changed = useChanged();
  const [failure, setFailure] = useState<Error>();
  const stop = useProven(() => api<unknown>('auth/change-email', { method: 'DELETE' }));
  const again = useProven(() => send(pending.email));
  const form = useForm<{ code: string; oldCode: string }>({ defaultValues: { code: '', oldCode: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const { errors, isSubmitting, submitCount } = form.formState;
  const six = (value: string) => codeOf(value).length === 6 || t('errCode');

  const submit = form.handleSubmit(async ({ code, oldCode }) => {
    setFailure(undefined);
    try {
      const body = { code: codeOf(code), oldCode: codeOf(oldCode) };
      const answer = await proven(() => api<{ email: string; accessToken: string }>('auth/change-email/confirm', { method: 'POST', body }));
      renewSession(answer);
      toast(t('emailDone', { email: answer.email }));
      void changed();
      void navigate(paths.security);
    } catch (error) {
      if (!(error instanceof NotProven)) setFailure(error as Error);
    }
  });

  return (
    <>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['code', 'oldCode'])} />}
      <Failure error={failure ?? stop.error ?? again.error} says={{ CODE_INVALID: t('codesWrong') }} />
      <p role="status" className="mb-6">
        {t('codesSentTo', { email: pending.email, old, until: format.deadline(pending.expiresAt) })}
      </p>
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <CodeInput
          label={t('codeNew', { email: pending.email })}
          hint={t('codeNewHint')}
          autoComplete="off"
          error={errors.code?.message}
          {...form.register('code', { validate: six })}
        />
        <CodeInput
          label={t('codeOld', { email: old })}
          hint={t('codeOldHint')}
          autoComplete="off"
          error={errors.oldCode?.message}
          {...form.register('oldCode', { validate: six })}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('saving')}>
            {t('emailSave')}
          </Button>
          <Button variant="quiet" busy={again.busy} busyLabel={t('sending')} onClick={() => void again.run().then(changed)}>
            {t('emailAgain')}
          </Button>
          <Button
            variant="quiet"
            busy={stop.busy}
            onClick={() =>
              void stop.run().then(async (answer) => {
                if (!answer) return;
                toast(t('emailStopped'));
                await changed();
              })
            }
          >
            {t('emailStop')}
          </Button>
        </Actions>
      </form>
      <p className="mt-6 text-sm text-ink-2">{t('emailLost')}</p>
      <HelpLine className="mt-1" />
    </>
  );
}

import { useState } from 'react';
import { Controller, useForm, useWatch } from 'react-hook-form';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { RadioRows, TextInput } from '@/components/Field';
import { TaskPage } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { endOfDay } from '@/lib/days';
import { useFormat } from '@/lib/format';
import { problemsOf, showServerProblems } from '@/lib/forms';
import { api, ApiError } from '@/lib/pb';
import { NotProven, proven } from '@/lib/proof';
import { useInvalidate } from '@/lib/query';
import { useActingFor } from '@/lib/session';
import type { Relationship, Scope } from '@/lib/types';
import type { Person } from './data';
import { useFamilyWords } from './words';

const relationships = ['partner', 'parent', 'guardian', 'billing'] as const satisfies Relationship[];
const scopes: Scope[] = ['all', 'appointments_forms', 'billing'];
const order = ['email', 'relationship', 'scope', 'expiresAt'] as const;

interface Invitation {
  email: string;
  relationship: string;
  scope: string;
  /** A day, or empty. */
  expiresAt: string;
}

/** Asks somebody by mail to act for the client on screen. */
export function Component() {
  const { t } = useFamilyWords();
  const { client, forSomeoneElse } = useActingFor();
  const name = client?.firstName ?? '';
  const format = useFormat();
  const navigate = useNavigate();
  const toast = useToast();
  const invalidate = useInvalidate();
  const [failure, setFailure] = useState<Error>();
  const form = useForm<Invitation>({ defaultValues: { email: '', relationship: '', scope: '', expiresAt: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const { errors, isSubmitting, submitCount } = form.formState;
  const paysOnly = useWatch({ control: form.control, name: 'relationship' }) === 'billing';

  const submit = form.handleSubmit(async ({ email, relationship, scope, expiresAt }) => {
    setFailure(undefined);
    const body = {
      email: email.trim(),
      relationship,
      scope: paysOnly ? 'billing' : scope,
      ...(expiresAt && { expiresAt: endOfDay(expiresAt, format.zone) }),
    };
    try {
      await proven(() => api<Person>('profile/access', { method: 'POST', body }));
      toast(t('sent'));
      void invalidate('profile');
      void navigate(paths.family);
    } catch (error) {
      if (error instanceof NotProven) return;
      if (!(error instanceof ApiError) || !showServerProblems(error, form.setError, [...order])) setFailure(error as Error);
    }
  });

  return (
    <TaskPage
      title={forSomeoneElse ? t('inviteTitleOf', { name }) : t('inviteTitle')}
      lead={forSomeoneElse ? t('inviteLeadOf', { name }) : t('inviteLead')}
      back={{ to: paths.family, label: t('back') }}
    >
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, [...order])} />}
      <Failure error={failure} says={{ ACCESS_EXISTS: t('exists'), ALREADY_INVITED: t('exists') }} />
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-8">
        <TextInput
          label={t('email')}
          type="email"
          inputMode="email"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          error={errors.email?.message}
          {...form.register('email', { validate: (value) => /^\S+@\S+\.\S+$/.test(value.trim()) || t('errEmail') })}
        />
        <Controller
          control={form.control}
          name="relationship"
          rules={{ validate: (value) => value !== '' || t('errRelationship') }}
          render={({ field }) => (
            <RadioRows
              name="relationship"
              legend={forSomeoneElse ? t('relationshipOf', { name }) : t('relationship')}
              options={relationships.map((value) => ({ value, label: t(`relationship.${value}`) }))}
              value={field.value}
              onChange={(value) => {
                field.onChange(value);
                // What was missing is there; and whoever pays is not asked for the scope.
                form.clearErrors(value === 'billing' ? ['relationship', 'scope'] : 'relationship');
              }}
              error={errors.relationship?.message}
            />
          )}
        />
        {paysOnly ? (
          <p>{t('scopeBilling')}</p>
        ) : (
          <Controller
            control={form.control}
            name="scope"
            rules={{ validate: (value) => value !== '' || t('errScope') }}
            render={({ field }) => (
              <RadioRows
                name="scope"
                legend={t('scope')}
                options={scopes.map((value) => ({ value, label: t(`scope.${value}`), detail: t(`scopeAbout.${value}`) }))}
                value={field.value}
                onChange={(value) => {
                  field.onChange(value);
                  form.clearErrors('scope');
                }}
                error={errors.scope?.message}
              />
            )}
          />
        )}
        <TextInput
          label={t('endDate')}
          hint={t('endDateHint')}
          optional
          type="date"
          min={format.today()}
          className="max-w-56"
          error={errors.expiresAt?.message}
          {...form.register('expiresAt', { validate: (value) => !value || value >= format.today() || t('errEndDate') })}
        />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('sending')}>
            {t('send')}
          </Button>
        </Actions>
      </form>
    </TaskPage>
  );
}

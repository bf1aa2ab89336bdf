import { zodResolver } from '@hookform/resolvers/zod';
import { useMemo, useState, type ReactNode } from 'react';
import { Controller, useForm, useWatch } from 'react-hook-form';
import { Link, Navigate, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { DateOfBirth, meetsPolicy, PasswordInput, TextInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { dayOf, noDate, problemsOf } from '@/lib/forms';
import { api, ApiError } from '@/lib/pb';
import { useSession } from '@/lib/session';
import type { LoginData, RegisterData, RegisterRequest } from '@/lib/types';
import { z } from '@/lib/zod';
import { AuthLayout } from './AuthLayout';
import { CheckMail } from './CheckMail';
import { looksLikeEmail, useAtPhone } from './fields';
import { SecondFactor } from './SecondFactor';
import { useSignIn, type AuthState } from './useSignIn';
import { useAuthWords } from './words';

type Words = ReturnType<typeof useAuthWords>['t'];

function personSchema(t: Words) {
  const text = (message: string) => z.string().check(z.trim(), z.minLength(1, message));
  return z.object({
    email: z.string().check(z.trim(), z.refine(looksLikeEmail, t('errEmail'))),
    firstName: text(t('errFirstName')),
    lastName: text(t('errLastName')),
    dateOfBirth: z.object({ month: z.string(), day: z.string(), year: z.string() }).check(z.refine((parts) => dayOf(parts) !== null, t('errDob'))),
  });
}
type Person = z.infer<ReturnType<typeof personSchema>>;

/**
 * Who you are, a password, the code from the mail. Only a full match with the clinic's record goes on; which
 * detail did not match is never said.
 */
export function Component() {
  const { t, rich } = useAuthWords();
  const session = useSession();
  const navigate = useNavigate();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  const [step, setStep] = useState<1 | 2 | 3>(1);
  const [person, setPerson] = useState<Person>();
  const [refusal, setRefusal] = useState<ReactNode>();
  const [password, setPassword] = useState('');
  const { challenge, enter, take } = useSignIn(paths.home);

  if (session.status === 'signed-in') return <Navigate to={paths.home} replace />;

  const refuse = (message: ReactNode, backTo: 1 | 2) => {
    setRefusal(message);
    setStep(backTo);
  };

  /** Gives a message for the password field, when that is what the server refused. */
  const register = async (chosen: string): Promise<string | undefined> => {
    setRefusal(undefined);
    const body: RegisterRequest = {
      email: person!.email,
      firstName: person!.firstName,
      lastName: person!.lastName,
      dateOfBirth: dayOf(person!.dateOfBirth)!,
      password: chosen,
    };
    try {
      await api<RegisterData>('auth/register', { method: 'POST', body, anonymous: true });
      setPassword(chosen);
      setStep(3);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.fields.password) return error.fields.password.message;
      if (error.reason === 'ALREADY_REGISTERED') {
        refuse(
          rich('alreadyRegistered', { a: <Link className="link" to={paths.login} state={{ email: body.email } satisfies AuthState} />, b: <Link className="link" to={paths.forgotPassword} /> }),
          2,
        );
      } else if (error.reason === 'IDENTITY_NOT_CONFIRMED') refuse(t('notConfirmed', { phone: atPhone }), 1);
      else refuse(sentence(error), 2);
    }
    return undefined;
  };

  const toLogin = () => void navigate(paths.login, { replace: true, state: { email: person?.email } satisfies AuthState });
  const signInNow = async () => {
    try {
      await take(() => api<LoginData>('auth/login', { method: 'POST', body: { email: person!.email, password }, anonymous: true }));
    } catch {
      // Confirmed all the same: the sign-in page says what stands in the way.
      toLogin();
    }
  };
  if (challenge) return <SecondFactor challenge={challenge} onSignedIn={enter} onRestart={toLogin} />;

  const titles = { 1: t('stepWho'), 2: t('stepPassword'), 3: t('stepMail') };
  const leads = { 1: t('registerLead'), 2: undefined, 3: t('mailSent', { email: person?.email ?? '' }) };
  return (
    <AuthLayout title={titles[step]} step={t('step', { n: step })} lead={leads[step]} back={step === 1 ? { to: paths.login, label: t('signIn') } : undefined}>
      {refusal && (
        <Banner takeFocus tone="danger" className="mb-6">
          {refusal}
        </Banner>
      )}
      {step === 1 && (
        <WhoYouAre
          person={person}
          onDone={(filled) => {
            setPerson(filled);
            setRefusal(undefined);
            setStep(2);
          }}
        />
      )}
      {step === 2 && <ChoosePassword email={person!.email} onDone={register} onBack={() => setStep(1)} />}
      {step === 3 && <CheckMail email={person!.email} onVerified={signInNow} onOtherAddress={() => setStep(1)} />}
    </AuthLayout>
  );
}

function WhoYouAre({ person, onDone }: { person?: Person; onDone: (person: Person) => void }) {
  const { t, rich } = useAuthWords();
  const schema = useMemo(() => personSchema(t), [t]);
  const form = useForm<Person>({
    resolver: zodResolver(schema),
    defaultValues: person ?? { email: '', firstName: '', lastName: '', dateOfBirth: noDate },
    shouldFocusError: false,
    reValidateMode: 'onBlur',
  });
  const { errors, submitCount, isSubmitting } = form.formState;
  const order = ['email', 'firstName', 'lastName', 'dateOfBirth'] as const;
  return (
    <>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, [...order])} />}
      <form onSubmit={(event) => void form.handleSubmit(onDone)(event)} noValidate className="grid gap-6">
        <TextInput
          label={t('email')}
          hint={t('emailHint')}
          type="email"
          inputMode="email"
          autoComplete="email"
          autoCapitalize="none"
          spellCheck={false}
          error={errors.email?.message}
          {...form.register('email')}
        />
        <TextInput label={t('firstName')} hint={t('nameHint')} autoComplete="given-name" error={errors.firstName?.message} {...form.register('firstName')} />
        <TextInput label={t('lastName')} autoComplete="family-name" error={errors.lastName?.message} {...form.register('lastName')} />
        <Controller
          control={form.control}
          name="dateOfBirth"
          render={({ field }) => (
            <DateOfBirth
              label={t('dob')}
              hint={t('dobHint')}
              name="dateOfBirth"
              autoComplete="bday"
              value={field.value}
              onChange={field.onChange}
              onBlur={field.onBlur}
              error={errors.dateOfBirth?.message}
            />
          )}
        />
        <Actions className="">
          <Button variant="primary" type="submit">
            {t('continue')}
          </Button>
        </Actions>
      </form>
      <p className="mt-8">{rich('haveAccess', { a: <Link className="link" to={paths.login} /> })}</p>
    </>
  );
}

function ChoosePassword({ email, onDone, onBack }: { email: string; onDone: (password: string) => Promise<string | undefined>; onBack: () => void }) {
  const { t } = useAuthWords();
  const { passwordPolicy } = useConfig();
  const form = useForm<{ password: string }>({ defaultValues: { password: '' }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const typed = useWatch({ control: form.control, name: 'password' });
  const { errors, isSubmitting, submitCount } = form.formState;
  const submit = form.handleSubmit(async ({ password }) => {
    const message = await onDone(password);
    if (message) form.setError('password', { message });
  });
  return (
    <>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['password'])} />}
      <form onSubmit={(event) => void submit(event)} noValidate>
        {/* Password managers store the pair only when they see the name. */}
        <input type="email" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordInput
          label={t('password')}
          autoComplete="new-password"
          rulesFor={typed}
          error={errors.password?.message}
          {...form.register('password', { validate: (value) => meetsPolicy(value, passwordPolicy) || t('errPolicy') })}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('settingUp')}>
            {t('setUp')}
          </Button>
          <Button variant="quiet" onClick={onBack}>
            {t('back')}
          </Button>
        </Actions>
      </form>
    </>
  );
}

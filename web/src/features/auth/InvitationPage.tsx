import { zodResolver } from '@hookform/resolvers/zod';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { Controller, useForm, useWatch, type Control } from 'react-hook-form';
import { Navigate, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { DateOfBirth, meetsPolicy, PasswordInput, TextInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { useFormat } from '@/lib/format';
import { dayOf, noDate, problemsOf, showServerProblems, type DateParts } from '@/lib/forms';
import { useMailToken } from '@/lib/mailToken';
import { api, ApiError } from '@/lib/pb';
import { acknowledgeEnd, extendSession, mustChangePassword, signOut, switchClient, useSession } from '@/lib/session';
import { keys, tabStore } from '@/lib/storage';
import type { Day, Id, Invitation, LoginData } from '@/lib/types';
import { z } from '@/lib/zod';
import { AuthLayout } from './AuthLayout';
import { DeadLink } from './DeadLink';
import { useAtPhone } from './fields';
import { SecondFactor } from './SecondFactor';
import { useSignIn, type AuthState } from './useSignIn';
import { useAuthWords } from './words';

/**
 * From the mail's link: who invites, to what, and then either a new sign-in or the one the person has already.
 * The token waits in this tab while they sign in.
 */
export function Component() {
  const { t } = useAuthWords();
  const mailed = useMailToken();
  const [token] = useState(() => mailed ?? tabStore.get(keys.invitation));
  useEffect(() => {
    if (mailed) tabStore.set(keys.invitation, mailed);
  }, [mailed]);

  if (token) return <ByToken token={token} />;
  return (
    <AuthLayout title={t('inviteTitle')} lead={t('resetNoToken')}>
      <LinkButton variant="primary" to={paths.login}>
        {t('signIn')}
      </LinkButton>
    </AuthLayout>
  );
}

type Opened = { status: 'loading' } | { status: 'dead' } | { status: 'failed'; error: unknown } | { status: 'open'; invitation: Invitation };

function ByToken({ token }: { token: string }) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const session = useSession();
  const [opened, setOpened] = useState<Opened>({ status: 'loading' });
  const [round, setRound] = useState(0);
  const [accepted, setAccepted] = useState(false);

  useEffect(() => {
    let over = false;
    const settle = (next: Opened) => {
      if (!over) setOpened(next);
    };
    api<Invitation>('auth/invitations/open', { method: 'POST', body: { token }, anonymous: true }).then(
      (invitation) => settle({ status: 'open', invitation }),
      (error: unknown) => settle(error instanceof ApiError && error.status === 400 ? { status: 'dead' } : { status: 'failed', error }),
    );
    return () => {
      over = true;
    };
  }, [token, round]);

  useEffect(acknowledgeEnd, []);

  if (mustChangePassword(session)) return <Navigate to={`${paths.mustChangePassword}?${new URLSearchParams({ next: paths.invitation })}`} replace />;

  const onDead = () => {
    tabStore.set(keys.invitation, null);
    setOpened({ status: 'dead' });
  };
  switch (opened.status) {
    case 'loading':
      return (
        <AuthLayout title={t('inviteTitle')} part="start">
          <p role="status" className="text-ink-2">
            {t('inviteLoading')}
          </p>
        </AuthLayout>
      );
    case 'dead':
      return <DeadLink title={t('inviteTitle')} token={token} route="auth/invitations/renew" />;
    case 'failed':
      return (
        <AuthLayout title={t('inviteTitle')} part="start">
          <Banner tone="danger" announce="alert" className="mb-6">
            {sentence(opened.error)}
          </Banner>
          <Button
            onClick={() => {
              setOpened({ status: 'loading' });
              setRound(round + 1);
            }}
          >
            {t('tryAgain')}
          </Button>
        </AuthLayout>
      );
    case 'open':
      // Accepting ends in a session: the page stays what it is until the next one is there.
      if (session.status === 'signed-in' && !accepted) return <Join token={token} invitation={opened.invitation} email={session.user.email} onDead={onDead} />;
      if (opened.invitation.hasLogin && !accepted) return <SignInFirst invitation={opened.invitation} />;
      return <Accept token={token} invitation={opened.invitation} onAccepted={() => setAccepted(true)} onDead={onDead} />;
  }
}

/** Who invites, to whose record, what will be seen, for which address, and until when. */
function Invited({ invitation, children }: { invitation: Invitation; children: ReactNode }) {
  const { t } = useAuthWords();
  const { clinicName } = useConfig();
  const format = useFormat();
  return (
    <AuthLayout title={t('inviteTitle')} lead={t(`invite.${invitation.relationship}`, { clinic: clinicName })} part="open">
      <p>{t(`inviteScope.${invitation.scope}`)}</p>
      <p className="mb-6">{t('inviteFor', { email: invitation.emailHint, when: format.deadline(invitation.expiresAt) })}</p>
      {children}
    </AuthLayout>
  );
}

function SignInFirst({ invitation }: { invitation: Invitation }) {
  const { t } = useAuthWords();
  return (
    <Invited invitation={invitation}>
      <p className="mb-6">{t('inviteHasLogin')}</p>
      <LinkButton variant="primary" to={`${paths.login}?${new URLSearchParams({ next: paths.invitation })}`}>
        {t('signInToAccept')}
      </LinkButton>
    </Invited>
  );
}

/** What stands in the way of accepting, as a sentence; a dead invitation has a page of its own. */
function useRefusal(onDead: () => void) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  return (error: unknown): string | undefined => {
    const reason = error instanceof ApiError ? error.reason : undefined;
    if (reason === 'IDENTITY_NOT_CONFIRMED') return t('inviteWrongDob', { phone: atPhone });
    if (reason !== 'LINK_INVALID') return sentence(error);
    onDead();
    return undefined;
  };
}

const dayCheck = (message: string) => z.object({ month: z.string(), day: z.string(), year: z.string() }).check(z.refine((parts) => dayOf(parts) !== null, message));

/** Whoever signs in already proves with the date of birth that the invitation reached them. */
function Join({ token, invitation, email, onDead }: { token: string; invitation: Invitation; email: string; onDead: () => void }) {
  const { t } = useAuthWords();
  const navigate = useNavigate();
  const refusalOf = useRefusal(onDead);
  const [problem, setProblem] = useState<string>();
  const [wrongAccount, setWrongAccount] = useState(!invitation.hasLogin);
  const schema = useMemo(() => z.object({ dateOfBirth: dayCheck(t('errDob')) }), [t]);
  const form = useForm<{ dateOfBirth: DateParts }>({ resolver: zodResolver(schema), defaultValues: { dateOfBirth: noDate }, shouldFocusError: false, reValidateMode: 'onBlur' });
  const { errors, isSubmitting, submitCount } = form.formState;

  if (wrongAccount) {
    return (
      <Invited invitation={invitation}>
        <Banner tone="warning" announce="status" className="mb-6">
          {t('inviteWrongAccount', { email })}
        </Banner>
        <Actions>
          <Button variant="primary" onClick={() => void signOut()}>
            {t('signOut')}
          </Button>
          <LinkButton variant="quiet" to={paths.home}>
            {t('inviteNotNow')}
          </LinkButton>
        </Actions>
      </Invited>
    );
  }

  const submit = form.handleSubmit(async ({ dateOfBirth }) => {
    setProblem(undefined);
    try {
      const { clientId } = await api<{ clientId: Id }>('auth/invitations/join', { method: 'POST', body: { token, dateOfBirth: dayOf(dateOfBirth) as Day } });
      tabStore.set(keys.invitation, null);
      // The answer lists the new person; out of reach, the next look at the session does.
      await extendSession().catch(() => undefined);
      switchClient(clientId);
      void navigate(paths.home, { replace: true });
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'WRONG_ACCOUNT') setWrongAccount(true);
      else setProblem(refusalOf(error));
    }
  });

  return (
    <Invited invitation={invitation}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, ['dateOfBirth'])} />}
      {problem && (
        <Banner takeFocus tone="danger" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <Birthday control={form.control} invitation={invitation} error={errors.dateOfBirth?.message} />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('joining')}>
            {t('join')}
          </Button>
          <LinkButton variant="quiet" to={paths.home}>
            {t('inviteNotNow')}
          </LinkButton>
        </Actions>
      </form>
    </Invited>
  );
}

interface NewLogin {
  dateOfBirth: DateParts;
  firstName: string;
  lastName: string;
  password: string;
}
const order: (keyof NewLogin)[] = ['dateOfBirth', 'firstName', 'lastName', 'password'];

/** A sign-in of the person's own; its address is the invitation's, which the mail has proven. */
function Accept({ token, invitation, onAccepted, onDead }: { token: string; invitation: Invitation; onAccepted: () => void; onDead: () => void }) {
  const { t } = useAuthWords();
  const { passwordPolicy } = useConfig();
  const navigate = useNavigate();
  const refusalOf = useRefusal(onDead);
  const [problem, setProblem] = useState<string>();
  const { challenge, enter, take } = useSignIn(paths.home);
  const [made, setMade] = useState<string>();
  const schema = useMemo(() => {
    const text = (message: string) => z.string().check(z.trim(), z.minLength(1, message));
    return z.object({
      dateOfBirth: dayCheck(t('errDob')),
      firstName: text(t('errFirstName')),
      lastName: text(t('errLastName')),
      password: z.string().check(z.refine((value) => meetsPolicy(value, passwordPolicy), t('errPolicy'))),
    });
  }, [t, passwordPolicy]);
  const form = useForm<NewLogin>({
    resolver: zodResolver(schema),
    defaultValues: { dateOfBirth: noDate, firstName: '', lastName: '', password: '' },
    shouldFocusError: false,
    reValidateMode: 'onBlur',
  });
  const typed = useWatch({ control: form.control, name: 'password' });
  const { errors, isSubmitting, submitCount } = form.formState;

  const toLogin = (email: string | undefined) => void navigate(paths.login, { replace: true, state: { email } satisfies AuthState });
  if (challenge) return <SecondFactor challenge={challenge} onSignedIn={enter} onRestart={() => toLogin(made)} />;

  const submit = form.handleSubmit(async ({ dateOfBirth, ...rest }) => {
    setProblem(undefined);
    let email: string;
    try {
      ({ email } = await api<{ email: string }>('auth/invitations/accept', { method: 'POST', body: { token, dateOfBirth: dayOf(dateOfBirth) as Day, ...rest }, anonymous: true }));
    } catch (error) {
      if (!(error instanceof ApiError) || !showServerProblems(error, form.setError, order)) setProblem(refusalOf(error));
      return;
    }
    tabStore.set(keys.invitation, null);
    setMade(email);
    onAccepted();
    try {
      await take(() => api<LoginData>('auth/login', { method: 'POST', body: { email, password: rest.password }, anonymous: true }));
    } catch {
      // Accepted all the same: the sign-in page says what stands in the way.
      toLogin(email);
    }
  });

  return (
    <Invited invitation={invitation}>
      {submitCount > 0 && !isSubmitting && <ErrorSummary key={submitCount} problems={problemsOf(errors, order)} />}
      {problem && (
        <Banner takeFocus tone="danger" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <Birthday control={form.control} invitation={invitation} error={errors.dateOfBirth?.message} />
        <TextInput label={t('inviteFirstName')} autoComplete="given-name" error={errors.firstName?.message} {...form.register('firstName')} />
        <TextInput label={t('inviteLastName')} autoComplete="family-name" error={errors.lastName?.message} {...form.register('lastName')} />
        <PasswordInput label={t('password')} autoComplete="new-password" rulesFor={typed} error={errors.password?.message} {...form.register('password')} />
        <Actions className="">
          <Button variant="primary" type="submit" busy={isSubmitting} busyLabel={t('accepting')}>
            {t('accept')}
          </Button>
        </Actions>
      </form>
    </Invited>
  );
}

/** The client's, which is one's own only for one's own record. */
function Birthday<T extends { dateOfBirth: DateParts }>({ control, invitation, error }: { control: Control<T>; invitation: Invitation; error?: string }) {
  const { t } = useAuthWords();
  const own = invitation.relationship === 'self';
  return (
    <Controller
      control={control as unknown as Control<{ dateOfBirth: DateParts }>}
      name="dateOfBirth"
      render={({ field }) => (
        <DateOfBirth
          label={t(own ? 'inviteDob' : 'inviteDobOther')}
          hint={t('inviteDobHint')}
          name="dateOfBirth"
          autoComplete={own ? 'bday' : undefined}
          value={field.value}
          onChange={field.onChange}
          onBlur={field.onBlur}
          error={error}
        />
      )}
    />
  );
}

import { KeyRound, Mail } from 'lucide-react';
import { lazy, Suspense, useState, type FormEvent, type MouseEvent, type ReactNode } from 'react';
import { Link, Navigate, useLocation, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { PasswordInput, TextInput } from '@/components/Field';
import { useConfig } from '@/lib/config';
import type { Problem } from '@/lib/forms';
import { keepNext, safeNext } from '@/lib/nextPath';
import { canUsePasskeys, passkeyWorkedHere, provePasskey } from '@/lib/passkey';
import { api } from '@/lib/pb';
import { useSession } from '@/lib/session';
import type { LoginData } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { MailCode } from './CheckMail';
import { looksLikeEmail } from './fields';
import { finishPasskey, usePasskeyAutofill } from './passkeySignIn';
import { RememberDevice } from './RememberDevice';
import { SecondFactor } from './SecondFactor';
import { useSignIn, type AuthState } from './useSignIn';
import { useAuthWords } from './words';

const OAuthButtons = lazy(() => import('./OAuthButtons'));

/** Most people's first page: two fields need no form library, and every kilobyte counts here. */
export function Component() {
  const { t, rich } = useAuthWords();
  const { clinicName, features } = useConfig();
  const session = useSession();
  const [params] = useSearchParams();
  const known = (useLocation().state as AuthState | null)?.email ?? '';
  const next = safeNext(params.get('next'), paths.home);
  const { challenge, refusal, enter, take, attempt, refused, restart, setRefusal } = useSignIn(next);
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const [rememberDevice, setRememberDevice] = useState(false);
  const [problems, setProblems] = useState<Problem[]>([]);
  const [tries, setTries] = useState(0);
  const [busy, setBusy] = useState<'password' | 'passkey' | 'link'>();
  const [sentTo, setSentTo] = useState<string>();

  const passkeys = features.passkeys && canUsePasskeys();
  const [passkeyFirst] = useState(() => passkeys && passkeyWorkedHere());
  const remember = rememberDevice ? { rememberDevice } : {};

  /** One act at a time; its refusal is shown by `attempt`. */
  const doing = async (what: typeof busy, act: () => Promise<void>) => {
    if (busy) return;
    setBusy(what);
    await act();
    setBusy(undefined);
  };

  const first = session.status !== 'signed-in' && !challenge && !sentTo;
  usePasskeyAutofill(first && passkeys && busy !== 'passkey', (proof) => void doing('passkey', () => attempt(() => finishPasskey(proof, remember))));

  if (session.status === 'signed-in') return <Navigate to={next} replace />;
  if (challenge) {
    const again = (reason?: 'expired') => {
      setSentTo(undefined);
      // Whoever is here five minutes later may be somebody else.
      if (reason) setPassword('');
      restart(reason);
    };
    return <SecondFactor challenge={challenge} rememberDevice={rememberDevice} onSignedIn={enter} onRestart={again} />;
  }

  const askForLink = (address: string) => api('auth/magic-link', { method: 'POST', body: { email: address }, anonymous: true });

  if (sentTo) {
    return (
      <AuthLayout title={t('forgotSentTitle')} lead={t('linkSent', { email: sentTo })} part="sent">
        <MailCode
          action={t('signIn')}
          busyLabel={t('signingIn')}
          onCode={(code) => take(() => api<LoginData>('auth/magic-link/verify', { method: 'POST', body: { email: sentTo, code, ...remember }, anonymous: true }))}
          says={refused}
          onSendAgain={() => askForLink(sentTo)}
          sentAgain={t('linkFresh')}
          onOtherAddress={() => setSentTo(undefined)}
        />
      </AuthLayout>
    );
  }

  const missing = (which: 'both' | 'email' = 'both'): Problem[] => [
    ...(looksLikeEmail(email) ? [] : [{ id: 'email', message: t('errEmail') }]),
    ...(password || which === 'email' ? [] : [{ id: 'password', message: t('errPassword') }]),
  ];
  const problemOf = (id: string) => problems.find((one) => one.id === id)?.message;
  /** Once a try has failed, a mended field loses its message when it is left. */
  const look = () => setProblems(problems.filter((one) => missing().some((still) => still.id === one.id)));
  const complete = (which: 'both' | 'email'): boolean => {
    setRefusal(undefined);
    setTries(tries + 1);
    const found = missing(which);
    setProblems(found);
    return found.length === 0;
  };

  const address = email.trim();
  const withPassword = (event: FormEvent) => {
    event.preventDefault();
    if (busy || !complete('both')) return;
    void doing('password', () => attempt(() => api<LoginData>('auth/login', { method: 'POST', body: { email: address, password, ...remember }, anonymous: true }), address));
  };
  const withLink = () => {
    if (busy || !complete('email')) return;
    void doing('link', async () => {
      try {
        await askForLink(address);
        // The link opens another tab, which knows nothing of this one.
        if (params.has('next')) keepNext(next);
        setSentTo(address);
      } catch (error) {
        await attempt(() => Promise.reject(error as Error));
      }
    });
  };
  const withPasskey = () => {
    setProblems([]);
    void doing('passkey', () => attempt(async () => finishPasskey(await provePasskey(), remember)));
  };

  /** As for a form's own button: a field that mends itself when it is left would move this one away before the release. */
  const stay = (event: MouseEvent) => event.preventDefault();

  const passkeyButton = (
    <Button wide variant={passkeyFirst ? 'primary' : 'secondary'} icon={KeyRound} busy={busy === 'passkey'} busyLabel={t('passkeyWaiting')} onClick={withPasskey} onMouseDown={stay}>
      {t('passkey')}
    </Button>
  );
  const offersOther = (passkeys && !passkeyFirst) || features.magicLink || features.oauth.length > 0;

  return (
    <AuthLayout title={t('signIn')} heading={t('signInTo', { clinic: clinicName })} part="start">
      <ErrorSummary key={tries} problems={problems} />
      {refusal && (
        <Banner takeFocus tone="danger" className="mb-6">
          {refusal}
        </Banner>
      )}
      {passkeyFirst && (
        <>
          {passkeyButton}
          <Or>{t('or')}</Or>
        </>
      )}
      <form onSubmit={withPassword} noValidate className="grid gap-6">
        <TextInput
          label={t('email')}
          type="email"
          autoComplete={passkeys ? 'username webauthn' : 'username'}
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
        <RememberDevice checked={rememberDevice} onChange={setRememberDevice} />
        <Actions className="">
          <Button variant={passkeyFirst ? 'secondary' : 'primary'} type="submit" busy={busy === 'password'} busyLabel={t('signingIn')}>
            {t('signIn')}
          </Button>
          <Link to={paths.forgotPassword} className="link py-2">
            {t('forgot')}
          </Link>
        </Actions>
      </form>
      {offersOther && (
        <>
          <Or>{t('or')}</Or>
          <div className="grid gap-3">
            {passkeys && !passkeyFirst && passkeyButton}
            {features.magicLink && (
              <Button wide icon={Mail} busy={busy === 'link'} busyLabel={t('sending')} onClick={withLink} onMouseDown={stay}>
                {t('mailMe')}
              </Button>
            )}
            {features.oauth.length > 0 && (
              <Suspense>
                <OAuthButtons providers={features.oauth} onTry={attempt} />
              </Suspense>
            )}
          </div>
        </>
      )}
      <p className="mt-8">{rich('firstTime', { a: <Link className="link" to={paths.register} /> })}</p>
    </AuthLayout>
  );
}

function Or({ children }: { children: ReactNode }) {
  return <p className="my-6 flex items-center gap-3 text-sm text-ink-2 before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">{children}</p>;
}

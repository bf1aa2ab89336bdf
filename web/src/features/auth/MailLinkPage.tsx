import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button, LinkButton } from '@/components/Button';
import { useConfig } from '@/lib/config';
import { useMailToken } from '@/lib/mailToken';
import { keptNext, safeNext } from '@/lib/nextPath';
import { api, ApiError } from '@/lib/pb';
import type { LoginData } from '@/lib/types';
import { AuthLayout } from './AuthLayout';
import { DeadLink } from './DeadLink';
import { RememberDevice } from './RememberDevice';
import { SecondFactor } from './SecondFactor';
import { useSignIn } from './useSignIn';
import { useAuthWords } from './words';

/** From the mail's link. Opening the page uses nothing: mail scanners open links too. The button does. */
export function Component() {
  const { t, rich } = useAuthWords();
  const { clinicName } = useConfig();
  const [params] = useSearchParams();
  const token = useMailToken();
  // Where the person wanted to be is known to the tab that asked for the link.
  const [next] = useState(() => safeNext(params.get('next') ?? keptNext(), paths.home));
  const { challenge, refusal, enter, attempt, restart } = useSignIn(next);
  const [rememberDevice, setRememberDevice] = useState(false);
  const [busy, setBusy] = useState(false);
  const [dead, setDead] = useState(false);

  const title = t('signInTo', { clinic: clinicName });
  const login = { pathname: paths.login, search: next === paths.home ? '' : `?${new URLSearchParams({ next })}` };

  if (challenge) return <SecondFactor challenge={challenge} rememberDevice={rememberDevice} onSignedIn={enter} onRestart={restart} />;
  if (!token) {
    return (
      <AuthLayout title={title} lead={t('resetNoToken')}>
        <LinkButton variant="primary" to={login}>
          {t('signIn')}
        </LinkButton>
      </AuthLayout>
    );
  }
  if (dead) {
    return (
      <DeadLink title={title} token={token} route="auth/magic-link">
        <Link className="link" to={login}>
          {t('signInOther')}
        </Link>
      </DeadLink>
    );
  }

  const use = async () => {
    setBusy(true);
    await attempt(async () => {
      try {
        return await api<LoginData>('auth/magic-link/verify', { method: 'POST', body: { token, ...(rememberDevice ? { rememberDevice } : {}) }, anonymous: true });
      } catch (error) {
        if (error instanceof ApiError && error.reason === 'LINK_INVALID') setDead(true);
        throw error;
      }
    });
    setBusy(false);
  };

  return (
    <AuthLayout title={title} lead={t('linkPress')} part="start">
      {refusal && (
        <Banner takeFocus tone="danger" className="mb-6">
          {refusal}
        </Banner>
      )}
      <RememberDevice checked={rememberDevice} onChange={setRememberDevice} />
      <Button className="mt-4" variant="primary" busy={busy} busyLabel={t('signingIn')} onClick={() => void use()}>
        {t('signIn')}
      </Button>
      <p className="mt-8">{rich('linkNotMe', { a: <Link className="link" to={login} /> })}</p>
    </AuthLayout>
  );
}

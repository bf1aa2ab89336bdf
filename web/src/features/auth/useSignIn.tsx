import { useState, type ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { useConfig } from '@/lib/config';
import { ElsewhereFailed, WindowBlocked } from '@/lib/elsewhere';
import { useErrorSentence } from '@/lib/errors';
import { challengeOf, type FactorChallenge } from '@/lib/factors';
import { useFormat } from '@/lib/format';
import { forgetNext } from '@/lib/nextPath';
import { wasDismissed } from '@/lib/passkey';
import { ApiError } from '@/lib/pb';
import { signIn } from '@/lib/session';
import type { LoginData } from '@/lib/types';
import { useAtPhone } from './fields';
import { useAuthWords } from './words';

/** Passed along in the history entry, never in the address: an e-mail address does not belong in a URL. */
export interface AuthState {
  email?: string;
}

/** A way of signing in: answers what the server gave, or nothing when it has taken over the session already. */
type Way = () => Promise<LoginData | void>;

/**
 * What all ways of signing in have in common: a session and on to `next`, a question for the second factor, or a
 * sentence about what stands in the way.
 */
export function useSignIn(next: string) {
  const { t, rich } = useAuthWords();
  const { features } = useConfig();
  const navigate = useNavigate();
  const sentence = useErrorSentence();
  const format = useFormat();
  const atPhone = useAtPhone();
  const [challenge, setChallenge] = useState<FactorChallenge>();
  const [refusal, setRefusal] = useState<ReactNode>();

  const enter = (data: LoginData | void) => {
    if (data) signIn(data);
    forgetNext();
    void navigate(next, { replace: true });
  };

  /** Rejects with any refusal other than a question for the second factor. */
  const take = async (way: Way) => {
    try {
      enter(await way());
    } catch (error) {
      const asked = challengeOf(error);
      if (!asked || asked.methods.length === 0) throw error;
      setChallenge(asked);
    }
  };

  const refused = (error: unknown, email?: string): ReactNode => {
    if (wasDismissed(error)) return t('passkeyDismissed');
    if (error instanceof ElsewhereFailed) return t('oauthFailed');
    if (error instanceof WindowBlocked) return t('oauthBlocked');
    if (!(error instanceof ApiError)) return sentence(error);
    const otherWay = features.magicLink || features.passkeys;
    switch (error.reason) {
      case 'INVALID_CREDENTIALS':
        return t(features.magicLink ? 'fail' : 'failNoLink');
      case 'ACCOUNT_LOCKED':
        if (otherWay) return t(features.magicLink ? 'locked' : 'lockedPasskey', { phone: atPhone });
        return error.retryAfter ? t('lockedNoLink', { time: format.span(error.retryAfter), phone: atPhone }) : t('lockedNoTime', { phone: atPhone });
      case 'ACCOUNT_SUSPENDED':
        return t('suspended', { phone: atPhone });
      case 'EMAIL_NOT_VERIFIED':
        return rich('notVerified', { a: <Link className="link" to={paths.verifyEmail} state={{ email } satisfies AuthState} /> });
      case 'MFA_REQUIRED':
        return t('noFactor');
      case 'OAUTH_NOT_LINKED':
        return t('oauthNotLinked');
      case 'PASSKEY_INVALID':
        return t('passkeyInvalid');
      default:
        return sentence(error);
    }
  };

  /** Puts the refusal where the page shows it. `email` is for what can be done about an address. */
  const attempt = async (way: Way, email?: string) => {
    setRefusal(undefined);
    try {
      await take(way);
    } catch (error) {
      setRefusal(refused(error, email));
    }
  };

  /** From the second step to the first. */
  const restart = (reason?: 'expired') => {
    setChallenge(undefined);
    setRefusal(reason && t('mfaExpired'));
  };

  return { challenge, refusal, enter, take, attempt, refused, restart, setRefusal };
}

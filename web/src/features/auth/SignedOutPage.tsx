import { useEffect } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { LinkButton } from '@/components/Button';
import { safeNext } from '@/lib/nextPath';
import { acknowledgeEnd, useSession, type EndReason } from '@/lib/session';
import { AuthLayout } from './AuthLayout';
import { useAuthWords } from './words';

const reasons: Exclude<EndReason, 'closed'>[] = ['signed-out', 'idle', 'limit', 'ended'];

/** Says why, and leads back to where the person was. */
export function Component() {
  const { t } = useAuthWords();
  const session = useSession();
  const [params] = useSearchParams();
  const reason = reasons.find((one) => one === params.get('reason')) ?? 'signed-out';
  const next = safeNext(params.get('next'), paths.home);

  useEffect(acknowledgeEnd, []);

  if (session.status === 'signed-in') return <Navigate to={next} replace />;
  const login = next === paths.home ? paths.login : `${paths.login}?${new URLSearchParams({ next })}`;
  return (
    <AuthLayout title={t('outTitle')} lead={t(`out.${reason}`)}>
      <LinkButton variant="primary" to={login}>
        {reason === 'signed-out' ? t('signIn') : t('signInAgain')}
      </LinkButton>
    </AuthLayout>
  );
}

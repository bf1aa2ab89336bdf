import { useState, type ReactNode } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { useErrorSentence } from '@/lib/errors';
import { api } from '@/lib/pb';
import { AuthLayout } from './AuthLayout';
import { useAtPhone } from './fields';
import { useAuthWords } from './words';

interface DeadLinkProps {
  title: string;
  /** The dead link's token: the fresh one goes to the address that one went to. */
  token: string;
  /** The route that sends a fresh one. */
  route: 'auth/magic-link' | 'auth/resend-verification' | 'auth/forgot-password' | 'auth/invitations/renew';
  /** Another way on. */
  children?: ReactNode;
}

/** A link that was used or is too old: one button has a fresh one sent, and nobody types an address. */
export function DeadLink({ title, token, route, children }: DeadLinkProps) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  const [state, setState] = useState<'dead' | 'busy' | 'sent'>('dead');
  const [problem, setProblem] = useState<string>();

  const send = async () => {
    setProblem(undefined);
    setState('busy');
    try {
      await api(route, { method: 'POST', body: { token }, anonymous: true });
      setState('sent');
    } catch (failure) {
      setProblem(sentence(failure));
      setState('dead');
    }
  };

  if (state === 'sent') {
    return (
      <AuthLayout title={t('forgotSentTitle')} lead={t('linkFresh')} part="sent">
        <p className="text-sm text-ink-2">{t('noMail', { phone: atPhone })}</p>
      </AuthLayout>
    );
  }
  return (
    <AuthLayout title={title} lead={t('linkDead')} part="dead">
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      <Button variant="primary" busy={state === 'busy'} busyLabel={t('sending')} onClick={() => void send()}>
        {t('sendFresh')}
      </Button>
      {children && <div className="mt-8">{children}</div>}
    </AuthLayout>
  );
}

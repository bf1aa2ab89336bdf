import { WifiOff } from 'lucide-react';
import { Outlet, ScrollRestoration } from 'react-router';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { ToastProvider } from '@/components/Toast';
import { useConfigQuery } from '@/lib/config';
import { loadSession, useSession } from '@/lib/session';
import { useShellWords } from './words';

/** Round every page: waits for the clinic's configuration and for who is signed in. */
export function Frame() {
  const { t } = useShellWords();
  const config = useConfigQuery();
  const session = useSession();

  if (config.isError || session.status === 'unreachable') {
    const retry = () => {
      void config.refetch();
      void loadSession();
    };
    return (
      <main className="mx-auto max-w-(--col-form) p-(--gutter)">
        <h1 className="mt-10 mb-6">{t('unreachableTitle')}</h1>
        <EmptyState icon={WifiOff} action={<Button onClick={retry}>{t('tryAgain')}</Button>}>
          {t('unreachable')}
        </EmptyState>
      </main>
    );
  }
  if (!config.data || session.status === 'loading') {
    return (
      <p role="status" className="sr-only">
        {t('loading')}
      </p>
    );
  }
  return (
    <ToastProvider label={t('toasts')}>
      <ScrollRestoration />
      <Outlet />
    </ToastProvider>
  );
}

import { useState } from 'react';
import { Button } from '@/components/Button';
import { AlertDialog } from '@/components/Dialog';
import { useFormat } from '@/lib/format';
import { defineWords } from '@/lib/i18n';
import { extendSession, signOut } from '@/lib/session';
import type { Limit } from './SessionKeeper';

const useWords = defineWords(
  'idle',
  {
    title: 'Are you still there?',
    body: 'For your privacy we’ll sign you out in {time}. What you wrote is saved.',
    stay: 'Stay signed in',
    staying: 'One moment…',
    leave: 'Sign out now',
    limitTitle: 'Time to sign in again',
    limitBody: 'You’ve been signed in as long as one sign-in lasts. We’ll sign you out in {time}. What you wrote is saved.',
    failed: 'That did not work. Check your connection and try again.',
  },
  {
    title: '¿Sigue ahí?',
    body: 'Para proteger su privacidad, cerraremos la sesión en {time}. Lo que escribió está guardado.',
    stay: 'Seguir conectado',
    staying: 'Un momento…',
    leave: 'Cerrar sesión ahora',
    limitTitle: 'Debe volver a iniciar sesión',
    limitBody: 'Su sesión llega a su duración máxima. La cerraremos en {time}. Lo que escribió está guardado.',
    failed: 'No funcionó. Revise su conexión e intente otra vez.',
  },
);

export default function IdleDialog({ limit, seconds }: { limit: Limit; seconds: number }) {
  const { t } = useWords();
  const format = useFormat();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);

  const stay = async () => {
    setBusy(true);
    setFailed(false);
    try {
      await extendSession();
    } catch {
      setFailed(true);
    } finally {
      setBusy(false);
    }
  };
  const leave = (
    <Button variant={limit === 'limit' ? 'primary' : 'quiet'} onClick={() => void signOut()}>
      {t('leave')}
    </Button>
  );
  return (
    <AlertDialog
      open
      onTop
      title={t(limit === 'idle' ? 'title' : 'limitTitle')}
      onEscape={limit === 'idle' ? () => void stay() : undefined}
      actions={
        limit === 'idle' ? (
          <>
            <Button variant="primary" busy={busy} busyLabel={t('staying')} onClick={() => void stay()}>
              {t('stay')}
            </Button>
            {leave}
          </>
        ) : (
          leave
        )
      }
    >
      <p aria-live="polite">{t(limit === 'idle' ? 'body' : 'limitBody', { time: format.span(seconds) })}</p>
      {failed && (
        <p role="alert" className="mt-2 font-semibold text-danger">
          {t('failed')}
        </p>
      )}
    </AlertDialog>
  );
}

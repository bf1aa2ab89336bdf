import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { serverNow } from '@/lib/clock';
import { spoken } from '@/lib/countdown';
import { checkSession, endSession, extendSession } from '@/lib/session';
import type { SessionInfo } from '@/lib/types';

const loadDialog = () => import('./IdleDialog');
const IdleDialog = lazy(loadDialog);

export type Limit = 'idle' | 'limit';

const minute = 60_000;
/** Movement and typing start the idle limit anew, at most this often. */
const extendEvery = 2 * minute;
/** How long before the end the warning comes, for limits of the usual length. */
const warnBefore = 2 * minute;
const activity = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove'] as const;

/**
 * Keeps the session alive while somebody is there, warns before it ends, and clears the screen when it does.
 * The server enforces both limits; this only makes them humane. Once the warning stands, moving the mouse is not
 * enough any more: somebody else may have sat down.
 */
export function SessionKeeper({ session, idleMs }: { session: SessionInfo; idleMs: number }) {
  const [warning, setWarning] = useState<{ limit: Limit; seconds: number }>();
  const warned = warning !== undefined;
  const idleAt = Date.parse(session.idleExpiresAt);
  const absoluteAt = Date.parse(session.absoluteExpiresAt);
  const lead = Math.min(warnBefore, idleMs / 5);

  const lastExtended = useRef(0);
  useEffect(() => {
    lastExtended.current = Date.now();
  }, [session.idleExpiresAt]);

  useEffect(() => {
    // The warning must come up even when the connection is gone by then.
    const timer = setTimeout(() => void loadDialog(), 10_000);
    return () => clearTimeout(timer);
  }, []);

  useEffect(() => {
    if (warned) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onActivity = () => {
      const wait = lastExtended.current + Math.min(extendEvery, idleMs / 5) - Date.now();
      timer ??= setTimeout(
        () => {
          timer = undefined;
          // Out of reach: the next movement tries again, and the warning comes in time otherwise.
          void extendSession().catch(() => undefined);
        },
        Math.max(0, wait),
      );
    };
    for (const name of activity) window.addEventListener(name, onActivity, { passive: true, capture: true });
    return () => {
      clearTimeout(timer);
      for (const name of activity) window.removeEventListener(name, onActivity, { capture: true });
    };
  }, [warned, idleMs]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let asked = false;
    let over = false;
    const look = () => {
      clearTimeout(timer);
      if (over) return;
      const limit: Limit = absoluteAt <= idleAt ? 'limit' : 'idle';
      const left = Math.min(idleAt, absoluteAt) - serverNow();
      if (left <= 0) {
        endSession(limit);
        return;
      }
      if (left > lead) {
        setWarning(undefined);
        // Timers sleep with the computer: look often enough to notice having slept.
        timer = setTimeout(look, Math.min(left - lead, 30_000));
        return;
      }
      if (!asked) {
        // Another device or tab may have moved the limit: ask before disturbing. An answer re-runs this effect.
        asked = true;
        void checkSession().catch(() => undefined).finally(look);
        return;
      }
      setWarning({ limit, seconds: spoken(left / 1000) });
      timer = setTimeout(look, Math.min(1000, left));
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [idleAt, absoluteAt, lead]);

  if (!warning) return null;
  return (
    <Suspense>
      <IdleDialog limit={warning.limit} seconds={warning.seconds} />
    </Suspense>
  );
}

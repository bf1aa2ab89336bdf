import { Outlet } from 'react-router';
import { useSession } from '@/lib/session';
import { SessionKeeper } from './SessionKeeper';

/** Pages outside the shell on which somebody may be signed in: their session is kept and warned of there too. */
export function Component() {
  const session = useSession();
  return (
    <>
      <Outlet />
      {session.status === 'signed-in' && <SessionKeeper session={session.session} idleMs={session.idleMs} />}
    </>
  );
}

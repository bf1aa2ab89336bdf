import { Navigate, useLocation } from 'react-router';
import { paths } from '@/app/paths';
import type { SessionState } from '@/lib/session';

/** From a page that needs a session to where one begins; the person comes back, unless they left by choice. */
export function ToSignIn({ session }: { session: SessionState }) {
  const location = useLocation();
  const ended = session.status === 'guest' ? session.ended : undefined;
  const search = new URLSearchParams();
  if (ended === 'closed') return <Navigate to={paths.accountClosed} replace />;
  if (ended) search.set('reason', ended);
  if (ended !== 'signed-out') search.set('next', location.pathname + location.search);
  return <Navigate to={`${ended ? paths.signedOut : paths.login}?${search}`} replace />;
}

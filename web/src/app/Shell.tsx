import { Menu } from 'lucide-react';
import { useEffect, useSyncExternalStore, type ReactNode } from 'react';
import { Link, Navigate, NavLink, Outlet, useLocation, useMatches, useNavigate } from 'react-router';
import { Banner } from '@/components/Banner';
import { ClinicMark } from '@/components/ClinicMark';
import { cx } from '@/components/cx';
import { Icon } from '@/components/Icon';
import { PageNotices } from '@/components/Page';
import { ProofKeeper } from '@/components/ProofKeeper';
import { ToSignIn } from '@/components/ToSignIn';
import { useConfig } from '@/lib/config';
import { useApi } from '@/lib/query';
import { useRealtimeConnection } from '@/lib/realtime';
import { mustChangePassword, switchClient, useActingFor, useSession, type SessionState } from '@/lib/session';
import type { NotificationList } from '@/lib/types';
import { destinationsFor } from './destinations';
import { paths } from './paths';
import { PersonSwitch } from './PersonSwitch';
import { SessionKeeper } from './SessionKeeper';
import { useShellWords } from './words';

/** The signed-in part: nothing of it is drawn without a session. */
export function Component() {
  const session = useSession();
  const location = useLocation();
  if (session.status !== 'signed-in') return <ToSignIn session={session} />;
  if (mustChangePassword(session)) {
    const next = new URLSearchParams({ next: location.pathname + location.search });
    return <Navigate to={`${paths.mustChangePassword}?${next}`} replace />;
  }
  return <AsAddressed session={session} />;
}

type SignedInState = Extract<SessionState, { status: 'signed-in' }>;

/**
 * A link may say whose record it leads to (`clientId`): that one comes on screen before the page asks for anything,
 * and the address loses the word, so that switching afterwards is not undone by it.
 */
function AsAddressed({ session }: { session: SignedInState }) {
  const location = useLocation();
  const navigate = useNavigate();
  const search = new URLSearchParams(location.search);
  const named = search.get('clientId');
  const reachable = named !== null && session.session.clients.some((one) => one.clientId === named);
  search.delete('clientId');
  const rest = search.toString();

  useEffect(() => {
    if (!reachable) return;
    switchClient(named);
    void navigate({ pathname: location.pathname, search: rest, hash: location.hash }, { replace: true, state: location.state });
  }, [reachable, named, rest, location, navigate]);

  return reachable ? null : <SignedIn session={session} />;
}

function SignedIn({ session }: { session: SignedInState }) {
  const { t } = useShellWords();
  const { client } = useActingFor();
  const task = useMatches().some((match) => (match.handle as { task?: boolean } | undefined)?.task);
  const unread = useApi<NotificationList>('notifications', { query: { unread: true, limit: 1 } }).data?.unreadCount ?? 0;
  useRealtimeConnection(session.session.id);

  const all = destinationsFor(client?.scope);
  const tabs = all.filter((one) => one.tab);
  const inMore = all.filter((one) => !one.tab);
  const { pathname } = useLocation();
  const moreIsCurrent = pathname === paths.more || inMore.some((one) => pathname.startsWith(one.to));
  const badge = (key: string) => (key === 'notifications' && unread > 0 ? unread : 0);

  return (
    <div className="lg:grid lg:min-h-dvh lg:grid-cols-[var(--rail)_minmax(0,1fr)]">
      <a href="#main" className="sr-only z-(--z-toast) rounded-md bg-accent-solid px-5 py-3 text-accent-on focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        {t('skip')}
      </a>

      <header className="sticky top-0 z-(--z-bar) flex min-h-15 items-center justify-between gap-3 bg-page px-(--gutter) py-2 lg:hidden">
        <Link to={paths.home} className="min-w-0 rounded-sm no-underline">
          <ClinicMark />
        </Link>
        <PersonSwitch short />
      </header>

      <header className="sticky top-0 hidden h-dvh flex-col overflow-y-auto pt-8 pr-4 pb-5 pl-6 lg:flex">
        <Link to={paths.home} className="mb-8 flex rounded-sm px-3 no-underline">
          <ClinicMark />
        </Link>
        <nav aria-label={t('main')} className="grid">
          {all.map((one) => (
            <NavLink
              key={one.key}
              to={one.to}
              className={({ isActive }) =>
                cx(
                  'flex min-h-11 items-center gap-3 rounded-md px-3 no-underline',
                  isActive ? 'bg-accent-tint font-semibold text-accent-text' : 'text-ink-2 hover:bg-sunken',
                )
              }
            >
              <Icon of={one.icon} />
              {t(one.key)}
              {badge(one.key) > 0 && <Count value={badge(one.key)} />}
            </NavLink>
          ))}
        </nav>
        <div className="mt-auto pt-6">
          <PersonSwitch />
        </div>
      </header>

      <PageNotices value={<Notices />}>
        <main
          id="main"
          tabIndex={-1}
          className={cx(
            'mx-auto w-full max-w-[calc(var(--page-max)+2*var(--gutter))] min-w-0 px-(--gutter) pt-4 outline-none lg:p-12 lg:pb-16',
            task ? 'pb-12' : 'pb-30',
          )}
        >
          <Outlet />
        </main>
      </PageNotices>

      {!task && (
        <nav
          aria-label={t('main')}
          className="fixed inset-x-0 bottom-0 z-(--z-bar) flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] lg:hidden"
        >
          {tabs.map((one) => (
            <Tab key={one.key} to={one.to} icon={<Icon of={one.icon} />} label={t(one.key)} />
          ))}
          <Tab to={paths.more} current={moreIsCurrent} icon={<Icon of={Menu} />} label={t('more')}>
            {unread > 0 && <Count value={unread} tiny />}
          </Tab>
        </nav>
      )}
      <ProofKeeper />
      <SessionKeeper session={session.session} idleMs={session.idleMs} />
    </div>
  );
}

function Tab({ to, icon, label, current, children }: { to: string; icon: ReactNode; label: string; current?: boolean; children?: ReactNode }) {
  return (
    <NavLink
      to={to}
      aria-current={current ? 'page' : undefined}
      className={({ isActive }) =>
        cx(
          'relative flex min-h-(--h-tabbar) min-w-14 flex-[1_1_auto] flex-col items-center justify-center gap-0.5 px-0.5 text-center text-[0.8125rem] leading-4 no-underline -outline-offset-2',
          isActive || current
            ? 'font-semibold text-accent-text before:absolute before:-top-px before:h-[3px] before:w-9 before:rounded-b-[3px] before:bg-accent-solid'
            : 'text-ink-2',
        )
      }
    >
      {icon}
      <span className="max-w-full">{label}</span>
      {children}
    </NavLink>
  );
}

/** Beside a word in the rail, or `tiny` at an icon's corner in the tab bar. */
function Count({ value, tiny }: { value: number; tiny?: boolean }) {
  const { t } = useShellWords();
  return (
    <span
      className={cx(
        'rounded-full bg-accent-solid text-center font-semibold text-accent-on',
        tiny ? 'absolute top-1.5 left-[calc(50%+0.5rem)] min-w-4.5 px-1 text-[0.8125rem] leading-4.5' : 'ml-auto min-w-5.5 px-1.5 text-xs leading-5.5',
      )}
    >
      <span aria-hidden>{value > 99 ? '99+' : value}</span>
      <span className="sr-only">{t('unreadCount', { count: value })}</span>
    </span>
  );
}

function subscribeOnline(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}

/** Stands under the title of every page until its cause is gone. */
function Notices() {
  const { t } = useShellWords();
  const { demo } = useConfig();
  const { client, forSomeoneElse } = useActingFor();
  const session = useSession();
  const navigate = useNavigate();
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  const own = session.status === 'signed-in' ? session.session.clients.find((one) => one.relationship === 'self') : undefined;
  if (online && !demo && !forSomeoneElse) return null;
  return (
    <>
      {!online && (
        <Banner tone="warning" announce="status">
          {t('offline')}
        </Banner>
      )}
      {forSomeoneElse && client && (
        <Banner
          action={
            own && (
              <button
                type="button"
                className="link min-h-6"
                onClick={() => {
                  switchClient(own.clientId);
                  // The page on screen belongs to the former person.
                  void navigate(paths.home);
                }}
              >
                {t('switchBack')}
              </button>
            )
          }
        >
          {t('acting', { name: client.firstName })}
        </Banner>
      )}
      {demo && <Banner>{t('demo')}</Banner>}
    </>
  );
}

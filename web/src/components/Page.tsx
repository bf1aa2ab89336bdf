import { ChevronLeft, CircleHelp } from 'lucide-react';
import { createContext, useContext, useEffect, useRef, type ReactNode, type RefObject } from 'react';
import { Link, useLocation } from 'react-router';
import { paths } from '@/app/paths';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { telHref } from '@/lib/format';
import { ApiError } from '@/lib/pb';
import { Button, LinkButton } from './Button';
import { cx } from './cx';
import { EmptyState } from './EmptyState';
import { Icon } from './Icon';
import { useComponentWords } from './words';

/** What the shell has to say on every page: offline, demo, acting for somebody. Shown under the title. */
export const PageNotices = createContext<ReactNode>(null);

let firstPage = true;
let lastPath: string | undefined;

/**
 * The document's title ("Visits, Juniper House"), and the focus on the page's h1 after a move inside the app,
 * so that readers hear where they are. For a page that draws its own h1; `Page` and `TaskPage` do it themselves.
 */
export function usePageTitle(title: string, step?: unknown): RefObject<HTMLHeadingElement | null> {
  const { clinicName } = useConfig();
  const heading = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = `${title}, ${clinicName}`;
  }, [title, clinicName]);
  useEffect(() => {
    const newStep = lastPath === pathname;
    lastPath = pathname;
    // On the first load the browser's own start of the document is the right place.
    if (firstPage) {
      firstPage = false;
      return;
    }
    const target = heading.current ?? document.querySelector<HTMLElement>('main h1');
    target?.focus({ preventScroll: true });
    // The router scrolls for a new address; a new step of the same one begins at the top as well.
    if (newStep) document.documentElement.scrollTop = 0;
  }, [pathname, step]);
  return heading;
}

interface PageProps {
  /** Used for the h1 and the document's title. */
  title: string;
  /** What the h1 says, where it differs from the document's title. */
  heading?: ReactNode;
  /** One plain sentence: what is this, what do I have to do. */
  lead?: ReactNode;
  back?: { to: string; label: string };
  /** Right column from 64rem up, below the content before that. */
  aside?: ReactNode;
  /** Under the title, above the content: page-level banners. */
  banner?: ReactNode;
  children?: ReactNode;
}

/** A page with main column and optional aside. */
export function Page({ title, heading, lead, back, aside, banner, children }: PageProps) {
  const h1 = usePageTitle(title);
  return (
    <>
      {back && <BackLink {...back} />}
      <div className={cx(aside ? 'grid gap-10 lg:grid-cols-[minmax(0,1fr)_19rem] lg:gap-12' : 'max-w-[47rem]')}>
        <div className="min-w-0">
          <h1 ref={h1} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {lead && <p className="mt-1.5 max-w-(--measure) text-ink-2">{lead}</p>}
          <Notices>{banner}</Notices>
          {children && <div className="mt-6">{children}</div>}
        </div>
        {aside && <div className="grid content-start gap-6 lg:sticky lg:top-12">{aside}</div>}
      </div>
    </>
  );
}

interface TaskPageProps extends Omit<PageProps, 'aside'> {
  /** Leave out the h1 where the page draws its own (a question's legend); focus still goes to it. */
  ownHeading?: boolean;
  /** Changes with each step of the task: focus moves to the new step's h1. */
  step?: string | number;
}

/** One task, one column of 608 px. Its route sets `handle: { task: true }`, which hides the phone's tab bar. */
export function TaskPage({ title, heading, lead, back, banner, ownHeading, step, children }: TaskPageProps) {
  const h1 = usePageTitle(title, step);
  return (
    <div className="mx-auto max-w-(--col-form)">
      {back && <BackLink {...back} />}
      {!ownHeading && (
        <h1 ref={h1} tabIndex={-1}>
          {heading ?? title}
        </h1>
      )}
      {lead && <p className="mt-1.5 max-w-(--measure) text-ink-2">{lead}</p>}
      <Notices>{banner}</Notices>
      {children && <div className={ownHeading ? undefined : 'mt-6'}>{children}</div>}
    </div>
  );
}

function Notices({ children }: { children?: ReactNode }) {
  const notices = useContext(PageNotices);
  return (
    <div className="mt-4 grid gap-3 empty:hidden">
      {notices}
      {children}
    </div>
  );
}

export function BackLink({ to, label }: { to: string; label: string }) {
  return (
    <Link to={to} className="inline-flex min-h-11 items-center gap-1.5 rounded-sm text-sm text-ink-2 no-underline hover:underline">
      <Icon of={ChevronLeft} small />
      {label}
    </Link>
  );
}

/** A whole page that failed: the reason, what to do, the clinic's phone. A 404 offers the way home. */
export function PageError({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useComponentWords();
  const sentence = useErrorSentence();
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <Page title={missing ? t('notFoundTitle') : t('pageErrorTitle')}>
      <InlineError error={error} onRetry={missing ? undefined : onRetry} text={sentence(error)} home={missing} />
    </Page>
  );
}

/** A part of a page that failed. */
export function InlineError({ error, onRetry, text, home }: { error: unknown; onRetry?: () => void; text?: string; home?: boolean }) {
  const { t } = useComponentWords();
  const sentence = useErrorSentence();
  const { phone } = useConfig();
  const says = text ?? sentence(error);
  return (
    <EmptyState
      icon={CircleHelp}
      action={
        <>
          {onRetry && (
            <Button variant="secondary" onClick={onRetry}>
              {t('tryAgain')}
            </Button>
          )}
          {home && (
            <LinkButton variant="secondary" to={paths.home}>
              {t('home')}
            </LinkButton>
          )}
          {!says.includes(phone ?? '') && <HelpLine className="mt-4" />}
        </>
      }
    >
      {says}
    </EmptyState>
  );
}

/** "Need help? Call (303) 555-0142." in the same words everywhere. */
export function HelpLine({ className }: { className?: string }) {
  const { rich } = useComponentWords();
  const { phone } = useConfig();
  if (!phone) return null;
  return <p className={cx('text-sm text-ink-2', className)}>{rich('callUs', { a: <PhoneLink phone={phone} /> }, { phone })}</p>;
}

export function PhoneLink({ phone, children }: { phone: string; children?: ReactNode }) {
  return (
    <a className="link whitespace-nowrap" href={telHref(phone)}>
      {children ?? phone}
    </a>
  );
}

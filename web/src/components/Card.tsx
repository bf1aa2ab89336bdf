import { ChevronRight, type LucideIcon } from 'lucide-react';
import { Children, type ReactNode } from 'react';
import { Link } from 'react-router';
import { Button, LinkButton } from './Button';
import { cx } from './cx';
import { Avatar, Icon, IconDisc } from './Icon';
import { useComponentWords } from './words';

/** A white surface. Few to a page, never one inside another; its heading stands above it. */
export function Card({ children, className, flush }: { children: ReactNode; className?: string; flush?: boolean }) {
  return <div className={cx('rounded-lg border border-line bg-surface', !flush && 'p-5 lg:p-6', className)}>{children}</div>;
}

/** The tinted panel: the next appointment only, and later the waitlist's offer. */
export function TintPanel({ children, className }: { children: ReactNode; className?: string }) {
  return <div className={cx('rounded-lg bg-accent-tint p-5 lg:px-8 lg:py-6', className)}>{children}</div>;
}

/** A section of a page: its heading, then its content. `className` replaces the distance above it. */
export function Section({ title, children, hiddenTitle, className = 'mt-10' }: { title: ReactNode; children: ReactNode; hiddenTitle?: boolean; className?: string }) {
  return (
    <section className={className}>
      <h2 className={hiddenTitle ? 'sr-only' : 'mb-3'}>{title}</h2>
      {children}
    </section>
  );
}

/** One card with hairline-divided rows. Children are `Row`s. */
export function Rows({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <ul className={cx('divide-y divide-line overflow-hidden rounded-lg border border-line bg-surface', className)}>
      {Children.map(children, (child) => child && <li>{child}</li>)}
    </ul>
  );
}

export interface RowProps {
  icon?: LucideIcon;
  /** Initials instead of an icon. */
  avatar?: string;
  title: ReactNode;
  /** Where the whole row leads. Its title is the link, stretched over the row. */
  to?: string;
  onOpen?: () => void;
  /** Small facts under the title; each becomes an item, falsy ones are skipped. */
  meta?: ReactNode[];
  /** At most one. */
  chip?: ReactNode;
  unread?: boolean;
  /** h3 under a section heading (default), h2 directly under the page title. */
  level?: 2 | 3;
  /**
   * The row's own button. `primary` is a real button, below the text on phones, and then `to` belongs on the
   * action; otherwise it is a label shown on desktop for where `to` leads.
   */
  action?: { label: string; primary?: boolean; to?: string; onClick?: () => void };
  /** Anything at the right edge in place of action and chevron; it stays above the row's link. */
  aside?: ReactNode;
  /** On phones the aside stands below the text, for buttons with words in them. */
  asideBelow?: boolean;
}

export function Row({ icon, avatar, title, to, onOpen, meta = [], chip, unread, level = 3, action, aside, asideBelow }: RowProps) {
  const { t } = useComponentWords();
  const Heading = level === 2 ? 'h2' : 'h3';
  const primary = action?.primary ? action : undefined;
  const facts = meta.filter((fact) => fact !== null && fact !== undefined && fact !== false && fact !== '');
  const leads = to !== undefined && !primary;
  return (
    <div
      className={cx(
        'relative grid min-h-18 grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-5 py-4 lg:px-6 lg:py-5',
        leads && 'hover:bg-accent-wash has-focus-visible:outline-(length:--ring) has-focus-visible:-outline-offset-(--ring) has-focus-visible:outline-[var(--focus)]',
      )}
    >
      {icon ? <IconDisc of={icon} /> : avatar ? <Avatar initials={avatar} /> : <span />}
      <div className={cx('min-w-0', primary && 'max-lg:col-span-2', asideBelow && 'max-md:col-span-2')}>
        <Heading className="text-lg font-semibold tracking-normal">
          {unread && <span aria-hidden className="mr-2 inline-block size-2 rounded-full bg-accent-solid align-middle" />}
          {leads ? (
            <Link to={to} onClick={onOpen} className="text-ink no-underline outline-none after:absolute after:inset-0">
              {unread && <span className="sr-only">{t('unread')}: </span>}
              {title}
              {action && <span className="sr-only">, {action.label}</span>}
            </Link>
          ) : (
            <>
              {unread && <span className="sr-only">{t('unread')}: </span>}
              {title}
            </>
          )}
        </Heading>
        {(chip || facts.length > 0) && (
          <div className="mt-0.5 flex min-h-6 flex-wrap items-center gap-x-2.5 gap-y-1 text-sm text-ink-2">
            {chip}
            {facts.map((fact, index) => (
              <span key={index} className="contents">
                {typeof fact === 'string' ? <span className="min-w-0">{fact}</span> : fact}
              </span>
            ))}
          </div>
        )}
      </div>
      {primary ? (
        <div className="mt-3 max-lg:col-span-3 lg:mt-0">
          {primary.to ? (
            <LinkButton variant="primary" to={primary.to} onClick={primary.onClick} className="w-full lg:w-auto lg:min-w-34">
              {primary.label}
            </LinkButton>
          ) : (
            <Button variant="primary" onClick={primary.onClick} className="w-full lg:w-auto lg:min-w-34">
              {primary.label}
            </Button>
          )}
        </div>
      ) : aside ? (
        <div className={cx('relative', asideBelow && 'max-md:col-span-2 max-md:col-start-2 max-md:mt-2')}>{aside}</div>
      ) : action ? (
        <>
          <span
            aria-hidden
            className="hidden min-h-11 min-w-34 items-center justify-center rounded-md border border-line-strong bg-surface px-4 font-semibold lg:flex"
          >
            {action.label}
          </span>
          <Icon of={ChevronRight} className="text-ink-3 lg:hidden" />
        </>
      ) : (
        leads && <Icon of={ChevronRight} className="text-ink-3" />
      )}
    </div>
  );
}

/** Small progress bar beside its words ("5 of 9 answered"), which carry the meaning. */
export function ProgressBar({ value, of }: { value: number; of: number }) {
  return (
    <svg aria-hidden viewBox="0 0 100 4" preserveAspectRatio="none" className="h-1.5 max-w-48 min-w-24 flex-1 rounded-full bg-line">
      <rect width={of > 0 ? (100 * value) / of : 0} height="4" className="fill-accent-solid" />
    </svg>
  );
}

/** An icon and a sentence: place, deadline, price. */
export function Fact({ icon, children }: { icon: LucideIcon; children: ReactNode }) {
  return (
    <p className="flex items-start gap-2 text-sm text-ink-2">
      <Icon of={icon} small className="mt-0.5" />
      <span>{children}</span>
    </p>
  );
}

/** Amounts under each other: label left, figure right; the last one marked `total` gets a line above. */
export function AmountLines({ lines }: { lines: { label: ReactNode; detail?: ReactNode; amount: string; total?: boolean }[] }) {
  return (
    <dl className="grid gap-3">
      {lines.map((line, index) => (
        <div key={index} className={cx('flex justify-between gap-4', line.total && 'border-t border-line pt-3 font-semibold')}>
          <dt>
            {line.label}
            {line.detail && <span className="block text-sm font-normal text-ink-2">{line.detail}</span>}
          </dt>
          <dd className="whitespace-nowrap tabular-nums">{line.amount}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Facts as label and value, one under the other. */
export function Details({ items }: { items: { label: ReactNode; value: ReactNode }[] }) {
  return (
    <dl className="divide-y divide-line">
      {items.map((item, index) => (
        <div key={index} className="grid gap-x-6 py-3 first:pt-0 last:pb-0 sm:grid-cols-[12rem_1fr] sm:items-baseline">
          <dt className="text-sm text-ink-2">{item.label}</dt>
          <dd className="min-w-0">{item.value}</dd>
        </div>
      ))}
    </dl>
  );
}

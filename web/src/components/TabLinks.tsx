import { Link } from 'react-router';
import { cx } from './cx';

interface TabLinksProps {
  label: string;
  /** `to` is relative to the page, e.g. "?tab=past". */
  tabs: { key: string; label: string; to: string }[];
  current: string;
}

/** Parts of one list, each with its own address. Links, not ARIA tabs: Back, reload and sharing work. */
export function TabLinks({ label, tabs, current }: TabLinksProps) {
  return (
    <nav aria-label={label}>
      <ul className="inline-flex max-w-full flex-wrap gap-1 rounded-md border border-line bg-sunken p-1">
        {tabs.map((tab) => (
          <li key={tab.key}>
            <Link
              to={tab.to}
              aria-current={tab.key === current ? 'page' : undefined}
              className={cx(
                'flex min-h-11 items-center rounded-sm border px-4 no-underline',
                tab.key === current ? 'border-line bg-surface font-semibold text-ink shadow-1' : 'border-transparent text-ink-2 hover:text-ink',
              )}
            >
              {tab.label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

import type { Page } from '@/lib/types';
import { LinkButton } from './Button';

interface PagerProps {
  pagination: Page;
  /** The address of a page, e.g. `(n) => "?tab=past&page=" + n`. */
  to: (page: number) => string;
  /** "Page 2 of 5" */
  position: string;
  newer: string;
  older: string;
}

/** Previous and next page of a list; nothing when there is only one. */
export function Pager({ pagination, to, position, newer, older }: PagerProps) {
  const { page, totalPages } = pagination;
  if (totalPages <= 1) return null;
  return (
    <nav aria-label={position} className="mt-4 flex flex-wrap items-center gap-3">
      {page > 1 && (
        <LinkButton small to={to(page - 1)}>
          {newer}
        </LinkButton>
      )}
      {page < totalPages && (
        <LinkButton small to={to(page + 1)}>
          {older}
        </LinkButton>
      )}
      <span className="text-sm text-ink-2">{position}</span>
    </nav>
  );
}

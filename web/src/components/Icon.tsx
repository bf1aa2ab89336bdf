import type { LucideIcon } from 'lucide-react';
import { cx } from './cx';

export interface IconProps {
  of: LucideIcon;
  small?: boolean;
  className?: string;
}

/** An icon beside a word; hidden from readers, since the word says it. */
export function Icon({ of: Shape, small, className }: IconProps) {
  return <Shape aria-hidden className={cx('shrink-0', small ? 'size-4.5' : 'size-5.5', className)} strokeWidth={1.75} />;
}

/** The tinted disc at the left of a row. */
export function IconDisc({ of, small }: { of: LucideIcon; small?: boolean }) {
  return (
    <span aria-hidden className={cx('grid shrink-0 place-items-center rounded-full bg-accent-tint text-accent-text', small ? 'size-9' : 'size-11')}>
      <Icon of={of} small={small} />
    </span>
  );
}

/** A person's initials. Decorative: the name stands beside it. */
export function Avatar({ initials, small }: { initials: string; small?: boolean }) {
  return (
    <span
      aria-hidden
      className={cx('grid shrink-0 place-items-center rounded-full bg-accent-tint font-semibold text-accent-text', small ? 'size-8 text-xs' : 'size-11 text-sm')}
    >
      {initials}
    </span>
  );
}

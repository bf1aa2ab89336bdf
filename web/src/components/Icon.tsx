import type { LucideIcon } from 'lucide-react';
import { useCallback } from 'react';
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

const avatarSizes = { small: 'size-8 text-xs', medium: 'size-11 text-sm', large: 'size-24 text-2xl' };

interface AvatarProps {
  initials: string;
  /** Shown instead of the initials. */
  picture?: Blob;
  size?: keyof typeof avatarSizes;
}

/** A person's picture or initials. Decorative: the name stands beside it. */
export function Avatar({ initials, picture, size = 'medium' }: AvatarProps) {
  return (
    <span aria-hidden className={cx('grid shrink-0 place-items-center overflow-hidden rounded-full bg-accent-tint font-semibold text-accent-text', avatarSizes[size])}>
      {picture ? <Picture of={picture} /> : initials}
    </span>
  );
}

/** The bytes as a picture: their address is of this page alone, and ends with it. */
function Picture({ of }: { of: Blob }) {
  const show = useCallback(
    (image: HTMLImageElement) => {
      const url = URL.createObjectURL(of);
      image.src = url;
      return () => URL.revokeObjectURL(url);
    },
    [of],
  );
  return <img ref={show} alt="" className="size-full rounded-full border border-line object-cover" />;
}

import { useFormat } from '@/lib/format';
import type { Day, Instant } from '@/lib/types';
import { cx } from './cx';

interface DoorwayDateProps {
  at: Instant | Day;
  /** The visit's zone, where it is not the clinic's. */
  zone?: string;
  size?: 'md' | 'lg';
}

/** The date tile in the shape of a doorway. Hidden from readers: the date stands in words beside it. */
export function DoorwayDate({ at, zone, size = 'md' }: DoorwayDateProps) {
  const { month, day, weekday } = useFormat().tile(at, zone);
  return (
    <div
      aria-hidden
      className={cx(
        'arch flex h-[calc(var(--arch-w)*1.28)] shrink-0 flex-col items-center justify-end bg-accent-solid text-center leading-[1.1] text-accent-on [--arch-w:5.25rem]',
        size === 'lg' ? 'pb-3 lg:pb-4 lg:[--arch-w:7rem]' : 'pb-3',
      )}
    >
      <span className={cx('text-xs leading-[1.2]', size === 'lg' && 'lg:text-sm')}>{month}</span>
      <span className={cx('text-[2.125rem] leading-[1.05] font-title tracking-number', size === 'lg' && 'lg:text-[3rem]')}>{day}</span>
      <span className={cx('text-xs leading-[1.2]', size === 'lg' && 'lg:text-sm')}>{weekday}</span>
    </div>
  );
}

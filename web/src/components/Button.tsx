import { LoaderCircle, type LucideIcon } from 'lucide-react';
import type { ComponentProps, MouseEvent, ReactNode } from 'react';
import { Link, type LinkProps } from 'react-router';
import { cx } from './cx';
import { Icon } from './Icon';

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger';

interface Look {
  /** One primary on screen at a time: the single next step. Default secondary. */
  variant?: ButtonVariant;
  small?: boolean;
  /** Full width everywhere; primary buttons are full width on phones anyway. */
  wide?: boolean;
  /** On the tint panel a secondary button drops its border. */
  onTint?: boolean;
  icon?: LucideIcon;
}

const variants: Record<ButtonVariant, string> = {
  primary: 'border-transparent bg-accent-solid text-accent-on hover:bg-accent-hover active:bg-accent-active',
  secondary: 'bg-surface text-ink hover:bg-sunken',
  quiet: 'border-transparent bg-transparent text-accent-text',
  danger: 'border-transparent bg-danger-solid text-danger-on hover:opacity-90',
};

function look({ variant = 'secondary', small, wide, onTint }: Look, className?: string): string {
  return cx(
    'inline-flex items-center justify-center gap-2 rounded-md border text-center text-md leading-[1.3] font-semibold no-underline transition-colors duration-[var(--t-fast)]',
    small ? 'min-h-11 py-1.5' : 'min-h-12 py-2',
    variant === 'quiet' ? 'px-3' : small ? 'px-4' : 'px-5',
    variant === 'primary' && !small && 'max-sm:min-h-13.5 max-sm:w-full',
    wide && 'w-full',
    variants[variant],
    variant === 'secondary' && (onTint ? 'border-transparent' : 'border-line-strong'),
    variant === 'quiet' && (onTint ? 'hover:bg-accent-tint-2' : 'hover:bg-accent-tint'),
    className,
  );
}

export interface ButtonProps extends Look, ComponentProps<'button'> {
  /** Shows a spinner and ignores further presses. The button stays focusable and keeps its width. */
  busy?: boolean;
  /** "Paying…" */
  busyLabel?: ReactNode;
}

export function Button({ variant, small, wide, onTint, icon, busy, busyLabel, className, children, onClick, type = 'button', ...rest }: ButtonProps) {
  const press = (event: MouseEvent<HTMLButtonElement>) => {
    if (busy) event.preventDefault();
    else onClick?.(event);
  };
  return (
    <button
      {...rest}
      type={type}
      onClick={press}
      // Pressing must not take the focus from a field: its check on blur would move the button away before the release.
      onMouseDown={type === 'submit' ? event => event.preventDefault() : rest.onMouseDown}
      aria-disabled={busy || undefined}
      className={look({ variant, small, wide, onTint }, className)}
    >
      <span className="grid">
        <span className={cx('col-start-1 row-start-1 inline-flex items-center justify-center gap-2', busy && 'invisible')}>
          {icon && <Icon of={icon} small />}
          {children}
        </span>
        {busy && (
          <span className="col-start-1 row-start-1 inline-flex items-center justify-center gap-2">
            <Icon of={LoaderCircle} small className="motion-safe:animate-spin" />
            {busyLabel ?? children}
          </span>
        )}
      </span>
    </button>
  );
}

/** A link that looks like a button: for going somewhere. Doing something is a Button. */
export function LinkButton({ variant, small, wide, onTint, icon, className, children, ...rest }: Look & LinkProps) {
  return (
    <Link {...rest} className={look({ variant, small, wide, onTint }, className)}>
      {icon && <Icon of={icon} small />}
      {children}
    </Link>
  );
}

/** The same for an address outside the app: tel:, sms:, a map. */
export function AnchorButton({ variant, small, wide, onTint, icon, className, children, ...rest }: Look & ComponentProps<'a'>) {
  return (
    <a {...rest} className={look({ variant, small, wide, onTint }, className)}>
      {icon && <Icon of={icon} small />}
      {children}
    </a>
  );
}

/** A row of buttons: the primary first, then quiet ones. `className` replaces the distance above them. */
export function Actions({ children, className = 'mt-6' }: { children: ReactNode; className?: string }) {
  return <div className={cx('flex flex-wrap items-center gap-3', className)}>{children}</div>;
}

import { AlertTriangle, CircleCheck, Info, OctagonAlert, type LucideIcon } from 'lucide-react';
import { useEffect, useRef, type ReactNode, type Ref } from 'react';
import { cx } from './cx';
import { Icon } from './Icon';

export type BannerTone = 'info' | 'success' | 'warning' | 'danger';

const tones: Record<BannerTone, { look: string; icon: LucideIcon; ink: string }> = {
  info: { look: 'bg-info-bg border-info-line', icon: Info, ink: 'text-info' },
  success: { look: 'bg-success-bg border-success-line', icon: CircleCheck, ink: 'text-success' },
  warning: { look: 'bg-warning-bg border-warning-line', icon: AlertTriangle, ink: 'text-warning' },
  danger: { look: 'bg-danger-bg border-danger-line', icon: OctagonAlert, ink: 'text-danger' },
};

interface BannerProps {
  tone?: BannerTone;
  children: ReactNode;
  /** One link or button. */
  action?: ReactNode;
  /** Announced when it appears: `status` politely, `alert` at once. Leave out for what is there from the start. */
  announce?: 'status' | 'alert';
  /** Moves the focus to it when it appears, after a failed action. Remove it when the next try starts, so that it does so again. */
  takeFocus?: boolean;
  ref?: Ref<HTMLDivElement>;
  className?: string;
}

/** A sentence across the column that stays until its cause is gone. */
export function Banner({ tone = 'info', children, action, announce, takeFocus, ref, className }: BannerProps) {
  const own = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takeFocus) own.current?.focus();
  }, [takeFocus]);
  const { look, icon, ink } = tones[tone];
  return (
    <div ref={ref ?? own} role={announce} tabIndex={ref || takeFocus ? -1 : undefined} className={cx('flex items-start gap-3 rounded-md border px-4 py-3 text-ink', look, className)}>
      <Icon of={icon} className={cx('mt-0.5', ink)} />
      <div className="min-w-0 flex-1">
        <div>{children}</div>
        {action && <div className="mt-1">{action}</div>}
      </div>
    </div>
  );
}

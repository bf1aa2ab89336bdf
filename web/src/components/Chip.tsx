import { AlertTriangle, Ban, CircleCheck, Clock, Hourglass, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx';
import { useComponentWords } from './words';

type Tone = 'warning' | 'success' | 'info' | 'neutral' | 'danger';

const tones: Record<Tone, { look: string; icon: LucideIcon }> = {
  warning: { look: 'bg-warning-bg text-warning', icon: Clock },
  success: { look: 'bg-success-bg text-success', icon: CircleCheck },
  info: { look: 'bg-info-bg text-info', icon: Hourglass },
  neutral: { look: 'bg-sunken text-ink-2', icon: Ban },
  danger: { look: 'bg-danger-bg text-danger', icon: AlertTriangle },
};

/** The fixed set of states worth marking. Normal states get none. */
const kinds = {
  dueToday: { tone: 'warning', word: 'chipDueToday' },
  dueTomorrow: { tone: 'warning', word: 'chipDueTomorrow' },
  overdue: { tone: 'warning', word: 'chipOverdue' },
  confirmed: { tone: 'success', word: 'chipConfirmed' },
  signed: { tone: 'success', word: 'chipSigned' },
  paid: { tone: 'success', word: 'chipPaid' },
  waiting: { tone: 'info', word: 'chipWaiting' },
  cancelled: { tone: 'neutral', word: 'chipCancelled' },
  expired: { tone: 'neutral', word: 'chipExpired' },
  declined: { tone: 'danger', word: 'chipDeclined' },
  paymentFailed: { tone: 'danger', word: 'chipPaymentFailed' },
  emergency: { tone: 'danger', word: 'chipEmergency' },
} as const;

export type ChipKind = keyof typeof kinds;

/** Icon and word, so that no state is told by colour alone. `children` replaces the standard word. */
export function Chip({ kind, children }: { kind: ChipKind; children?: ReactNode }) {
  const { t } = useComponentWords();
  const { tone, word } = kinds[kind];
  const { look, icon: Shape } = tones[tone];
  return (
    <span className={cx('inline-flex items-center gap-1 rounded-full py-0.5 pr-2.5 pl-2 text-xs font-semibold', look)}>
      <Shape aria-hidden className="size-[0.9375rem] shrink-0" strokeWidth={2} />
      {children ?? t(word)}
    </span>
  );
}

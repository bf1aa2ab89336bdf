import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Icon } from './Icon';

/** Nothing here yet: the outlined arch, one sentence, at most one action. */
export function EmptyState({ icon, children, action }: { icon: LucideIcon; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center rounded-lg border border-line bg-surface px-5 py-10 text-center">
      <span aria-hidden className="arch grid h-23 place-items-center border-2 border-line-strong pt-3 text-ink-3 [--arch-w:4.5rem]">
        <Icon of={icon} />
      </span>
      <p className="mt-4 max-w-(--measure)">{children}</p>
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}

import { CircleCheck, CloudOff, LoaderCircle } from 'lucide-react';
import { useState } from 'react';
import { ProgressBar } from '@/components/Card';
import { cx } from '@/components/cx';
import { Icon } from '@/components/Icon';
import type { DraftState } from './draft';
import { useFormWords } from './words';

/** "Question 6 of 9" with a segment for each, or a bar when there are more than twelve. */
export function Progress({ index, total, label }: { index: number; total: number; label?: string }) {
  const { t } = useFormWords();
  return (
    <div className="mt-1 mb-6 flex items-center gap-4">
      <span className="shrink-0 text-sm text-ink-2 tabular-nums">{label ?? t('questionOf', { n: index + 1, total })}</span>
      {total <= 12 ? (
        <span aria-hidden className="grid flex-1 auto-cols-fr grid-flow-col gap-1">
          {Array.from({ length: total }, (_, at) => (
            <span
              key={at}
              className={cx('h-1.5 rounded-full', at < index ? 'bg-accent-solid' : at === index ? 'border-[1.5px] border-accent-solid bg-accent-line' : 'bg-line')}
            />
          ))}
        </span>
      ) : (
        <ProgressBar value={index} of={total} />
      )}
    </div>
  );
}

/** Saved, saving, or still only here. Readers hear "Saved" once, not after every pause. */
export function SaveState({ state }: { state: DraftState }) {
  const { t } = useFormWords();
  const [said, setSaid] = useState(false);
  if (state.kind === 'saved' && !said) setSaid(true);
  return (
    <span className="ml-auto flex min-h-6 items-center text-sm text-ink-2">
      <span role="status" className="sr-only">
        {said && t('saved')}
      </span>
      <span aria-hidden className="flex items-center gap-1.5">
        {state.kind === 'saved' && (
          <>
            <Icon of={CircleCheck} small className="text-success" />
            {t('saved')}
          </>
        )}
        {state.kind === 'saving' && (
          <>
            <Icon of={LoaderCircle} small className="motion-safe:animate-spin" />
            {t('saving')}
          </>
        )}
        {(state.kind === 'offline' || state.kind === 'refused') && (
          <>
            <Icon of={CloudOff} small className="text-warning" />
            {t('keptHere')}
          </>
        )}
      </span>
    </span>
  );
}

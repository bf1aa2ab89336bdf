import { useEffect, useRef } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { useFormat } from '@/lib/format';
import type { Slot } from '@/lib/types';
import { useBookWords } from './bookWords';

/** Somebody was faster: said where the focus goes, with the next time as a button. `next` may stand on another day. */
export function Taken({ taken, next, onChoose }: { taken: Pick<Slot, 'localDate'>; next?: Slot; onChoose: (slot: Slot) => void }) {
  const { t } = useBookWords();
  const format = useFormat();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.focus();
  }, [taken]);
  const time = next && (next.localDate === taken.localDate ? format.wall(next.localTime) : `${format.day(next.localDate)}, ${format.wall(next.localTime)}`);
  return (
    <Banner
      ref={box}
      tone="warning"
      announce="alert"
      className="mb-6"
      action={
        next && time !== undefined ? (
          <Button small onClick={() => onChoose(next)}>
            {t('takeNext', { time })}
          </Button>
        ) : undefined
      }
    >
      {time === undefined ? t('taken') : t('takenNext', { time })}
    </Banner>
  );
}

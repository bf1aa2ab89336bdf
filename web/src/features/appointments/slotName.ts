import { useFormat } from '@/lib/format';
import type { Slot } from '@/lib/types';
import { useBookWords } from './bookWords';
import { offsetWords } from './slots';

/** "Wednesday, December 2, 2:30 pm", and which of the two where the hour comes twice. */
export function useSlotName(): (slot: Slot) => string {
  const { t } = useBookWords();
  const format = useFormat();
  return (slot) => {
    const when = `${format.day(slot.localDate)}, ${format.wall(slot.localTime)}`;
    return slot.again ? `${t(`again_${slot.again}`, { time: when })}, ${offsetWords(slot.utcOffset)}` : when;
  };
}

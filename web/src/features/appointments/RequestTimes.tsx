import { useState } from 'react';
import { InlineError } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { useFormat } from '@/lib/format';
import type { Slot } from '@/lib/types';
import { wishedTime } from './parts';
import { isChosen, MAX_PREFERENCES, togglePreference, type Preference } from './preferences';
import { SlotPicker } from './SlotPicker';
import { slotKey } from './slots';
import { Chosen, TimesPicker, type TimesPickerProps } from './TimesPicker';
import { useTimes, type Wish } from './useTimes';
import { useVisitWords } from './words';

const wallOf = (slot: Slot): Preference => ({ date: slot.localDate, time: slot.localTime });

/** Times to ask for: the free ones where the clinic has entered its hours, any reasonable ones where it has not. */
export default function RequestTimes({ wish, city, ...rest }: TimesPickerProps & { wish: Wish; city: string }) {
  const times = useTimes(wish, rest.zone);
  if (times.about?.enforced === false) return <TimesPicker {...rest} />;
  // Whether times are free is a help; asking for one works without it.
  if (times.error) return times.error.status === 404 ? <TimesPicker {...rest} /> : <InlineError error={times.error} onRetry={times.retry} />;
  if (!times.about) return <Skeleton shape="form" onRetry={times.retry} />;
  return <FreeTimes {...rest} times={times} city={city} />;
}

function FreeTimes({ times, city, value, onChange, errors }: TimesPickerProps & { times: ReturnType<typeof useTimes>; city: string }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const [said, setSaid] = useState('');
  const full = value.length >= MAX_PREFERENCES;
  const chosen = times.days.flatMap((day) => day.slots.filter((slot) => isChosen(value, wallOf(slot))).map(slotKey));
  const toggle = (slot: Slot) => {
    const next = togglePreference(value, wallOf(slot));
    if (next === value) return setSaid(t('chosenFull'));
    onChange(next);
    const when = wishedTime(wallOf(slot), format);
    setSaid(next.length > value.length ? t('announceAdded', { when, n: next.length }) : t('announceRemoved', { when }));
  };
  return (
    <>
      <SlotPicker times={times} city={city} chosen={chosen} several onChoose={toggle} />
      <p role="status" className="sr-only">
        {said}
      </p>
      <Chosen value={value} full={full} errors={errors} onChange={onChange} onSaid={setSaid} />
    </>
  );
}

import type { Day, Instant } from './types';

/** The last second of a calendar day in a zone. */
export function endOfDay(day: Day, zone: string): Instant {
  const wanted = Date.parse(`${day}T23:59:59Z`);
  // What the zone's clocks show at that moment of UTC tells how far they are from it.
  const shown = (at: number) => {
    const parts = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    }).formatToParts(at);
    const get = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
    return Date.parse(`${get('year')}-${get('month')}-${get('day')}T${get('hour')}:${get('minute')}:${get('second')}Z`);
  };
  const first = wanted - (shown(wanted) - wanted);
  // The clocks may change between the two moments: once more, from the right one.
  return new Date(first - (shown(first) - wanted)).toISOString();
}

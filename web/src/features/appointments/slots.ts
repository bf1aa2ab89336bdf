/**
 * What the picker makes of the server's times: which days to list, how a time is called, where an arrow key leads.
 * Days and wall times are the server's; no zone of this device takes part, except to say what its own clock shows.
 */
import type { Formatter } from '@/lib/format';
import type { Availability, Day, Slot } from '@/lib/types';
import { addDays, dayPartOf, wallNow, weekDays, type DayPart } from './preferences';

/** Days of one question to the server. */
export const WINDOW_DAYS = 28;
/** How many questions at most: half a year. */
export const WINDOWS_MOST = 7;
/** Days with times that are listed before "Show later times". */
export const DAYS_SHOWN = 5;

export type DaySlots = Availability['days'][number];

/** One time among all that are offered: the same instant may be had from two clinicians. */
export const slotKey = (slot: Pick<Slot, 'startTime' | 'clinicianId'>) => `${slot.startTime} ${slot.clinicianId}`;

/** Today where the visit is. Only where to begin to ask: what has passed the server leaves out. */
export function todayIn(zone: string, at: number): Day {
  try {
    return wallNow(at, zone).date;
  } catch {
    // A zone that this browser has never heard of.
    return new Date(at).toISOString().slice(0, 10);
  }
}

export function windowOf(first: Day, index: number): { from: Day; to: Day } {
  const from = addDays(first, index * WINDOW_DAYS);
  return { from, to: addDays(from, WINDOW_DAYS - 1) };
}

/** Which question answers about a day. */
export function windowFor(first: Day, day: Day): number {
  return Math.min(WINDOWS_MOST - 1, Math.max(0, Math.floor((Date.parse(day) - Date.parse(first)) / 86_400_000 / WINDOW_DAYS)));
}

export type Listed = { kind: 'day'; day: DaySlots } | { kind: 'none'; from: Day; to: Day };

/** The list from a day on: so many days with times, and the runs without any between them as one line each. */
export function listedDays(days: DaySlots[], start: Day, most: number): { items: Listed[]; more: boolean } {
  const items: Listed[] = [];
  let shown = 0;
  for (const day of days) {
    if (day.date < start) continue;
    const last = items.at(-1);
    if (day.slots.length > 0) {
      if (shown === most) return { items, more: true };
      shown++;
      items.push({ kind: 'day', day });
    } else if (last?.kind === 'none') last.to = day.date;
    else items.push({ kind: 'none', from: day.date, to: day.date });
  }
  return { items, more: false };
}

const parts: DayPart[] = ['morning', 'afternoon', 'evening'];

/** Morning, afternoon, evening; those without times are left out. */
export function byPart(slots: Slot[]): { part: DayPart; slots: Slot[] }[] {
  return parts.map((part) => ({ part, slots: slots.filter((one) => dayPartOf(one.localTime) === part) })).filter((one) => one.slots.length > 0);
}

/** Where a key leads from one time of the list to another; undefined for keys that lead nowhere. */
export function nextKey(keys: string[], from: string, key: string): string | undefined {
  const at = keys.indexOf(from);
  if (at < 0) return undefined;
  switch (key) {
    case 'ArrowRight':
    case 'ArrowDown':
      return keys[(at + 1) % keys.length];
    case 'ArrowLeft':
    case 'ArrowUp':
      return keys[(at - 1 + keys.length) % keys.length];
    case 'Home':
      return keys[0];
    case 'End':
      return keys.at(-1);
    default:
      return undefined;
  }
}

/** Where a key leads in the month. */
export function nextDay(from: Day, key: string): Day | undefined {
  switch (key) {
    case 'ArrowRight':
      return addDays(from, 1);
    case 'ArrowLeft':
      return addDays(from, -1);
    case 'ArrowDown':
      return addDays(from, 7);
    case 'ArrowUp':
      return addDays(from, -7);
    case 'Home':
      return weekDays(from, 0)[0];
    case 'End':
      return weekDays(from, 0)[6];
    case 'PageDown':
      return addMonths(from, 1);
    case 'PageUp':
      return addMonths(from, -1);
    default:
      return undefined;
  }
}

/** The same day of another month, or that month's last. */
export function addMonths(day: Day, months: number): Day {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}

/** The weeks of a month, Monday first; days of its neighbours are undefined. */
export function monthWeeks(month: Day): (Day | undefined)[][] {
  const first = `${month.slice(0, 7)}-01`;
  const weeks: (Day | undefined)[][] = [];
  for (let week = weekDays(first, 0); week.some((day) => day.slice(0, 7) === month.slice(0, 7)); week = week.map((day) => addDays(day, 7))) {
    weeks.push(week.map((day) => (day.slice(0, 7) === month.slice(0, 7) ? day : undefined)));
  }
  return weeks;
}

/** "UTC−7", "UTC+5:30", from "-07:00". */
export function offsetWords(utcOffset: string): string {
  const [, sign = '+', hours = '0', minutes = '00'] = /^([+-])(\d{2}):(\d{2})$/.exec(utcOffset) ?? [];
  return `UTC${sign === '-' ? '\u2212' : '+'}${Number(hours)}${minutes === '00' ? '' : `:${minutes}`}`;
}

const minutesOf = (utcOffset: string): number => {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d{2}):(\d{2})$/.exec(utcOffset) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

/** What this device's clock will show then, where it is not what the clinic's shows: with the day, if that differs too. */
export function deviceTime(slot: Slot, format: Formatter): string | undefined {
  const at = new Date(slot.startTime);
  const offset = -at.getTimezoneOffset();
  if (offset === minutesOf(slot.utcOffset)) return undefined;
  const local = new Date(at.getTime() + offset * 60_000).toISOString();
  const date = local.slice(0, 10);
  const time = format.wall(local.slice(11, 16));
  return date === slot.localDate ? time : `${format.weekday(date)} ${time}`;
}

/** The moment of a day's offset in the list that differs from the first one's: the clocks change before it. */
export function clockChange(slots: Slot[]): Slot | undefined {
  return slots.find((one) => one.utcOffset !== slots[0]?.utcOffset);
}

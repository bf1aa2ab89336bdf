/**
 * The times a person may ask for. Days are calendar dates and times wall times
 * of the clinic's zone; no device zone enters. What is really free is the
 * clinic's to say.
 */
import type { Day, Wall } from '@/lib/types';

export interface Preference {
  date: Day;
  time: Wall;
}

export const MAX_PREFERENCES = 3;
/** How far ahead the calendar goes. */
export const WEEKS_AHEAD = 26;

const FIRST_MINUTE = 7 * 60;
const LAST_MINUTE = 20 * 60;
const STEP_MINUTES = 30;

export type DayPart = 'morning' | 'afternoon' | 'evening';

export function wallNow(at: number, zone: string): { date: Day; time: Wall } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  }).formatToParts(new Date(at));
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return { date: `${get('year')}-${get('month')}-${get('day')}`, time: `${get('hour')}:${get('minute')}` };
}

export function addDays(date: Day, days: number): Day {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** The seven days of a week, Monday first; `offset` counts weeks from the one that holds `today`. */
export function weekDays(today: Day, offset: number): Day[] {
  const weekday = (new Date(`${today}T00:00:00Z`).getUTCDay() + 6) % 7;
  const monday = addDays(today, offset * 7 - weekday);
  return Array.from({ length: 7 }, (_, i) => addDays(monday, i));
}

/** What may be asked for on a day, earliest first; times that have passed are not offered. */
export function timesOn(date: Day, now: { date: Day; time: Wall }): Wall[] {
  if (date < now.date) return [];
  const times: Wall[] = [];
  for (let m = FIRST_MINUTE; m <= LAST_MINUTE; m += STEP_MINUTES) {
    const time = `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
    if (date > now.date || time > now.time) times.push(time);
  }
  return times;
}

export function dayPartOf(time: Wall): DayPart {
  return time < '12:00' ? 'morning' : time < '17:00' ? 'afternoon' : 'evening';
}

export function isChosen(preferences: Preference[], p: Preference): boolean {
  return preferences.some((q) => q.date === p.date && q.time === p.time);
}

/** Adds a time as the next choice, or takes it back. A fourth is not taken. */
export function togglePreference(preferences: Preference[], p: Preference): Preference[] {
  if (isChosen(preferences, p)) return preferences.filter((q) => q.date !== p.date || q.time !== p.time);
  return preferences.length < MAX_PREFERENCES ? [...preferences, p] : preferences;
}

/** Moves one choice up by one place. */
export function promote(preferences: Preference[], index: number): Preference[] {
  if (index < 1 || index >= preferences.length) return preferences;
  const next = [...preferences];
  const [moved] = next.splice(index, 1);
  if (moved) next.splice(index - 1, 0, moved);
  return next;
}

/** The first day that still has times to offer, from `today` on. */
export function firstOpenDay(now: { date: Day; time: Wall }): Day {
  return timesOn(now.date, now).length > 0 ? now.date : addDays(now.date, 1);
}

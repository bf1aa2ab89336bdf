import type { Formatter } from './format';
import type { Appointment, Day, Instant, Wall } from './types';

/** A wall time as an instant that only a formatter in UTC reads back. */
const asUTC = (date: Day, time: Wall): Instant => `${date}T${time.slice(0, 5)}:00Z`;

/** "2:30 to 3:20 pm" of two wall times. */
export function wallRange(from: Wall, to: Wall, format: Formatter): string {
  return format.timeRange(asUTC('1970-01-01', from), asUTC('1970-01-01', to), 'UTC');
}

/**
 * "Thursday, December 3, 2:30 to 3:20 pm": the visit's own wall time as the server wrote it. The browser's zone data
 * may be older than the clinic's and has no say.
 */
export function visitTime(visit: Pick<Appointment, 'appointmentDate' | 'localStart' | 'localEnd'>, format: Formatter): string {
  return `${format.day(visit.appointmentDate)}, ${wallRange(visit.localStart, visit.localEnd, format)}`;
}

/** Whether the time in which a visit can be given back for nothing still runs: to its deadline, or to the end of the grace. */
export function freeNow(visit: Pick<Appointment, 'cancellationDeadline' | 'graceUntil'>, now: number): boolean {
  return [visit.cancellationDeadline, visit.graceUntil].some((at) => at !== undefined && Date.parse(at) > now);
}

/** Spanish writes days in small letters; at the start of a title they get a capital. */
export function asTitle(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

import { serverNow } from './clock';
import { useClinicZone } from './config';
import { useLanguage, type Language } from './i18n';
import type { Cents, Day, Instant } from './types';

/**
 * Money, dates and times in words. Instants are shown in the clinic's (or the visit's) zone, never the device's;
 * days are calendar dates and have no zone. Month and weekday names come from Intl, the joining words from here.
 */
const locales: Record<Language, string> = { en: 'en-US', es: 'es-US' };

const joining = {
  en: { to: 'to', at: 'at', today: 'today', tomorrow: 'tomorrow', yesterday: 'yesterday' },
  es: { to: 'a', at: 'a las', today: 'hoy', tomorrow: 'mañana', yesterday: 'ayer' },
} as const;

export interface Formatter {
  /** "$45.00". */
  money: (cents: Cents, currency?: string) => string;
  /** "Thursday, December 3"; the year is added when it is not this one. */
  day: (at: Instant | Day, zone?: string) => string;
  /** "December 3", with the year when it is not this one. */
  date: (at: Instant | Day, zone?: string) => string;
  /** "today", "tomorrow", "yesterday", or as `day`. */
  relativeDay: (at: Instant | Day, zone?: string) => string;
  /** Days from today: 0 today, 1 tomorrow, negative for the past. */
  daysAway: (at: Instant | Day, zone?: string) => number;
  /** "Thursday". */
  weekday: (at: Instant | Day, zone?: string) => string;
  /** "2:30 pm". */
  time: (at: Instant, zone?: string) => string;
  /** "2:30 to 3:20 pm". */
  timeRange: (start: Instant, end: Instant, zone?: string) => string;
  /** "Thursday, December 3, 2:30 to 3:20 pm". Without an end: "Thursday, December 3, 2:30 pm". */
  when: (start: Instant, end?: Instant, zone?: string) => string;
  /** "Wednesday at 2:30 pm" within the coming week, else "December 2 at 2:30 pm". For deadlines. */
  deadline: (at: Instant, zone?: string) => string;
  /** The three lines of a date tile: "Dec", "3", "Thu". */
  tile: (at: Instant | Day, zone?: string) => { month: string; day: string; weekday: string };
  /** "5 minutes", "1 hour", "2 days": a length of time, rounded up. */
  span: (seconds: number) => string;
  /** "5 minutes ago", "yesterday", "now": how long something has been over, in its largest unit. */
  ago: (at: Instant) => string;
  /** A wall time "14:30" as "2:30 pm". */
  wall: (time: string) => string;
  /** Today in the zone, as YYYY-MM-DD. */
  today: (zone?: string) => Day;
  language: Language;
  zone: string;
}

const isDay = (at: string) => /^\d{4}-\d{2}-\d{2}$/.test(at);

/** Formats for one language and one zone. `now` is in milliseconds, the server's clock by default. */
export function formatter(language: Language, zone: string, now: () => number = serverNow): Formatter {
  const locale = locales[language];
  const words = joining[language];

  // A Day is formatted as its own UTC midnight, so that no zone can shift it.
  const part = (at: Instant | Day | number, options: Intl.DateTimeFormatOptions, inZone: string) => {
    const day = typeof at === 'string' && isDay(at);
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: day ? 'UTC' : inZone }).format(new Date(day ? `${at}T00:00:00Z` : at));
  };
  const calendarDay = (at: Instant | Day | number, inZone: string): Day =>
    typeof at === 'string' && isDay(at)
      ? at
      : new Intl.DateTimeFormat('en-CA', { timeZone: inZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(at));
  const thisYear = (at: Instant | Day, inZone: string) => calendarDay(at, inZone).slice(0, 4) === calendarDay(now(), inZone).slice(0, 4);

  const day = (at: Instant | Day, inZone = zone) =>
    part(at, { weekday: 'long', month: 'long', day: 'numeric', ...(thisYear(at, inZone) ? {} : { year: 'numeric' }) }, inZone);
  const date = (at: Instant | Day, inZone = zone) =>
    part(at, { month: 'long', day: 'numeric', ...(thisYear(at, inZone) ? {} : { year: 'numeric' }) }, inZone);
  const daysAway = (at: Instant | Day, inZone = zone) =>
    Math.round((Date.parse(`${calendarDay(at, inZone)}T00:00:00Z`) - Date.parse(`${calendarDay(now(), inZone)}T00:00:00Z`)) / 86_400_000);
  const relativeDay = (at: Instant | Day, inZone = zone) => {
    const away = daysAway(at, inZone);
    return away === 0 ? words.today : away === 1 ? words.tomorrow : away === -1 ? words.yesterday : day(at, inZone);
  };
  const clock = (at: Instant | number, inZone: string) => {
    const parts = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', hour12: true, timeZone: inZone }).formatToParts(new Date(at));
    const get = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
    const afternoon = /p/i.test(get('dayPeriod'));
    return {
      digits: `${get('hour')}:${get('minute')}`,
      half: language === 'es' ? (afternoon ? 'p.\u00a0m.' : 'a.\u00a0m.') : afternoon ? 'pm' : 'am',
    };
  };
  const time = (at: Instant, inZone = zone) => {
    const { digits, half } = clock(at, inZone);
    return `${digits}\u00a0${half}`;
  };
  const timeRange = (start: Instant, end: Instant, inZone = zone) => {
    const from = clock(start, inZone);
    const until = clock(end, inZone);
    return from.half === until.half
      ? `${from.digits} ${words.to} ${until.digits}\u00a0${until.half}`
      : `${from.digits}\u00a0${from.half} ${words.to} ${until.digits}\u00a0${until.half}`;
  };

  return {
    language,
    zone,
    money: (cents, currency = 'USD') => new Intl.NumberFormat(locale, { style: 'currency', currency }).format(cents / 100),
    day,
    date,
    relativeDay,
    daysAway,
    weekday: (at, inZone = zone) => part(at, { weekday: 'long' }, inZone),
    time,
    timeRange,
    when: (start, end, inZone = zone) => `${day(start, inZone)}, ${end ? timeRange(start, end, inZone) : time(start, inZone)}`,
    deadline: (at, inZone = zone) => {
      const away = daysAway(at, inZone);
      const near = away >= -1 && away <= 1;
      const named = near ? relativeDay(at, inZone) : away > 1 && away < 7 ? part(at, { weekday: 'long' }, inZone) : date(at, inZone);
      const on = language === 'es' && !near ? `el ${named}` : named;
      const hourOne = language === 'es' && clock(at, inZone).digits.startsWith('1:');
      return `${on} ${hourOne ? 'a la' : words.at} ${time(at, inZone)}`;
    },
    tile: (at, inZone = zone) => ({
      month: part(at, { month: 'short' }, inZone).replace('.', ''),
      day: part(at, { day: 'numeric' }, inZone),
      weekday: part(at, { weekday: 'short' }, inZone).replace('.', ''),
    }),
    span: (seconds) => {
      const [value, unit] =
        seconds < 60 ? [Math.max(1, Math.ceil(seconds)), 'second'] : seconds < 3600 ? [Math.ceil(seconds / 60), 'minute'] : seconds < 86_400 ? [Math.ceil(seconds / 3600), 'hour'] : [Math.ceil(seconds / 86_400), 'day'];
      return new Intl.NumberFormat(locale, { style: 'unit', unit: unit as string, unitDisplay: 'long' }).format(value as number);
    },
    ago: (at) => {
      const seconds = Math.max(0, (now() - Date.parse(at)) / 1000);
      const [value, unit]: [number, Intl.RelativeTimeFormatUnit] =
        seconds < 60 ? [0, 'second'] : seconds < 3600 ? [seconds / 60, 'minute'] : seconds < 86_400 ? [seconds / 3600, 'hour'] : [seconds / 86_400, 'day'];
      return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-Math.floor(value), unit);
    },
    wall: (wallTime) => {
      const { digits, half } = clock(Date.parse(`1970-01-01T${wallTime.slice(0, 5)}:00Z`), 'UTC');
      return `${digits}\u00a0${half}`;
    },
    today: (inZone = zone) => calendarDay(now(), inZone),
  };
}

/** The formatter for the page's language and the clinic's zone. Pass a visit's own zone where it has one. */
export function useFormat(): Formatter {
  const language = useLanguage();
  const zone = useClinicZone();
  return formatter(language, zone);
}

/** "Dr. Ana Reyes", or "Ana Reyes, LCSW" when the title follows the name. */
export function personName(person: { firstName: string; lastName: string; title?: string }): string {
  const name = `${person.firstName} ${person.lastName}`.trim();
  if (!person.title) return name;
  return person.title.endsWith('.') ? `${person.title} ${name}` : `${name}, ${person.title}`;
}

/** "AR" for Ana Reyes. */
export function initials(person: { firstName: string; lastName: string }): string {
  return [person.firstName, person.lastName].map((name) => [...name][0] ?? '').join('').toLocaleUpperCase();
}

/** A phone number as a `tel:` address. */
export function telHref(phone: string): string {
  return `tel:${phone.replace(/[^\d+]/g, '')}`;
}

import { useInfiniteQuery } from '@tanstack/react-query';
import type { Formatter } from '@/lib/format';
import { api, type ApiError } from '@/lib/pb';
import { useClientId } from '@/lib/session';
import type { Day, Instant, Page } from '@/lib/types';

export type Role = 'you' | 'family' | 'clinician' | 'front_desk' | 'billing' | 'admin' | 'owner' | 'system';

/** One line of the record's history, as the server words it. */
export interface Look {
  at: Instant;
  who: string;
  role: Role;
  /** In the audit log's words, "VIEW_FORM". */
  action: string;
  /** "FORM". */
  resourceType: string;
  /** Of somebody with access: left out for the person whose record it is. */
  onBehalfOf?: string;
  /** The person is not on the care team, and had said that it was an emergency. */
  breakGlass?: true;
  /** How often, where the server took several of a day together. */
  count?: number;
}

interface LookPage {
  entries: Look[];
  pagination: Page;
}

/** Newest first; earlier pages on demand. */
export function useAccessLog() {
  const clientId = useClientId();
  return useInfiniteQuery<LookPage, ApiError, Look[], unknown[], number>({
    queryKey: ['access-log', clientId ?? ''],
    queryFn: ({ pageParam, signal }) => api<LookPage>('profile/access-log', { query: { page: pageParam, limit: 50 }, clientId, signal }),
    initialPageParam: 1,
    getNextPageParam: ({ pagination: { page, totalPages } }) => (page < totalPages ? page + 1 : undefined),
    select: ({ pages }) => withoutRepeats(pages.flatMap((page) => page.entries)),
    // Each reading of this list is itself a line in it: not again for coming back to the window.
    refetchOnWindowFocus: false,
  });
}

/** Lines that came in between push others onto the next page, which then shows them again. */
function withoutRepeats(looks: Look[]): Look[] {
  const seen = new Set<string>();
  return looks.filter(({ at, who, action, resourceType }) => {
    const key = [at, who, action, resourceType].join(' ');
    return !seen.has(key) && seen.add(key);
  });
}

const atTheClinic: Role[] = ['clinician', 'front_desk', 'billing', 'admin', 'owner'];

export function isAtTheClinic({ role }: Look): boolean {
  return atTheClinic.includes(role);
}

export type Manner = 'look' | 'download' | 'add' | 'change' | 'remove' | 'work';

const manners: [RegExp, Manner][] = [
  [/^(LIST|VIEW|SEARCH|FIND|SUBSCRIBE|READ|EXPORT)(_|$)/, 'look'],
  [/^DOWNLOAD_/, 'download'],
  [/^(CREATE|ADD|UPLOAD)_/, 'add'],
  [/^UPDATE_/, 'change'],
  [/^(DELETE|REMOVE|DISMISS)_/, 'remove'],
];

/** What was done, where the action has no sentence of its own. */
export function mannerOf(action: string): Manner {
  return manners.find(([pattern]) => pattern.test(action))?.[1] ?? 'work';
}

export type Thing = 'record' | 'details' | 'visits' | 'forms' | 'bills' | 'payments' | 'messages' | 'files' | 'notices' | 'notes' | 'careTeam' | 'access' | 'signIn';

const things = new Map<string, Thing>(Object.entries({
  APPOINTMENT: 'visits',
  APPOINTMENT_HISTORY: 'visits',
  GROUP_BOOKING: 'visits',
  WAITLIST_ENTRY: 'visits',
  CARE_TEAM: 'careTeam',
  CLIENT: 'details',
  CLIENT_ACCESS: 'access',
  DOCUMENT: 'files',
  FILE: 'files',
  FORM: 'forms',
  FORM_PDF: 'forms',
  FORM_SUBMISSION: 'forms',
  INVITATION: 'access',
  INVOICE: 'bills',
  INVOICE_ITEM: 'bills',
  MESSAGE: 'messages',
  NOTIFICATION: 'notices',
  PAYMENT: 'payments',
  PORTAL_USER: 'signIn',
  SESSION: 'signIn',
  TREATMENT_NOTE: 'notes',
}));

/** What it was done to; the record as a whole, where there is no better word. */
export function thingOf(resourceType: string): Thing {
  return things.get(resourceType) ?? things.get(resourceType.replace(/S$/, '')) ?? 'record';
}

/** A line with its sentence. */
export interface Line extends Look {
  says: string;
  count: number;
}

export interface DayOfLines {
  day: Day;
  lines: Line[];
}

/**
 * Gathers by day in the clinic's zone. What oneself and the portal did becomes one line where it reads the same; what
 * other people did stays line by line, each with its time.
 */
export function byDay(looks: Look[], sentence: (look: Look) => string, dayOf: (at: Instant) => Day): DayOfLines[] {
  const days: DayOfLines[] = [];
  for (const look of looks) {
    const day = dayOf(look.at);
    if (days.at(-1)?.day !== day) days.push({ day, lines: [] });
    const { lines } = days.at(-1)!;
    const says = sentence(look);
    const count = look.count ?? 1;
    const same = isPerson(look) ? undefined : lines.find((line) => !isPerson(line) && line.says === says);
    if (same) same.count += count;
    else lines.push({ ...look, says, count });
  }
  return days;
}

/** Somebody other than the reader. */
function isPerson({ role }: Look): boolean {
  return role !== 'you' && role !== 'system';
}

/** The calendar day of an instant in the formatter's zone. */
export function calendarDay({ zone }: Formatter): (at: Instant) => Day {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (at) => day.format(new Date(at));
}

import type { Formatter } from '@/lib/format';
import { asTitle } from '@/lib/visits';
import { addDays } from './preferences';

/** The name of a weekday by its number, 0 for Sunday: 2026-11-29 is one. */
export const weekdayName = (day: number, format: Formatter) => asTitle(format.weekday(addDays('2026-11-29', day)));

import { expect, it } from 'vitest';
import { endOfDay } from './days';

it.each([
  ['2026-12-03', 'America/Denver', '2026-12-04T06:59:59.000Z'],
  ['2026-07-03', 'America/Denver', '2026-07-04T05:59:59.000Z'],
  // The clocks change on these days, and on the night between the two moments of the computation.
  ['2026-03-08', 'America/Denver', '2026-03-09T05:59:59.000Z'],
  ['2026-11-01', 'America/Denver', '2026-11-02T06:59:59.000Z'],
  ['2026-10-31', 'Pacific/Auckland', '2026-10-31T10:59:59.000Z'],
  ['2026-04-04', 'Pacific/Auckland', '2026-04-04T10:59:59.000Z'],
  ['2026-12-03', 'UTC', '2026-12-03T23:59:59.000Z'],
])('%s ends in %s at %s', (day, zone, instant) => {
  expect(endOfDay(day, zone)).toBe(instant);
});

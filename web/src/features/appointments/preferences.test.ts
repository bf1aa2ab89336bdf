import { describe, expect, it } from 'vitest';
import { addDays, dayPartOf, firstOpenDay, promote, timesOn, togglePreference, wallNow, weekDays } from './preferences';

const p = (date: string, time: string) => ({ date, time });

describe('the times on offer', () => {
  it('follow the clinic’s clock, not the device’s', () => {
    // 05:30 UTC on December 1 is still the evening of November 30 in Denver.
    expect(wallNow(Date.parse('2026-12-01T05:30:00Z'), 'America/Denver')).toEqual({ date: '2026-11-30', time: '22:30' });
    expect(wallNow(Date.parse('2026-12-01T00:05:00Z'), 'UTC')).toEqual({ date: '2026-12-01', time: '00:05' });
  });

  it('run from 7:00 to 20:00 every half hour', () => {
    const times = timesOn('2026-12-02', p('2026-12-01', '12:00'));
    expect(times).toHaveLength(27);
    expect([times[0], times[1], times.at(-1)]).toEqual(['07:00', '07:30', '20:00']);
  });

  it('leave out what has passed', () => {
    expect(timesOn('2026-12-01', p('2026-12-01', '14:30'))[0]).toBe('15:00');
    expect(timesOn('2026-12-01', p('2026-12-01', '20:00'))).toEqual([]);
    expect(timesOn('2026-11-30', p('2026-12-01', '08:00'))).toEqual([]);
    expect(firstOpenDay(p('2026-12-31', '21:00'))).toBe('2027-01-01');
  });

  it('are grouped as people speak of a day', () => {
    expect(['11:30', '12:00', '16:30', '17:00'].map(dayPartOf)).toEqual(['morning', 'afternoon', 'afternoon', 'evening']);
  });
});

describe('the calendar', () => {
  it('shows whole weeks from Monday, across months and clock changes', () => {
    expect(weekDays('2026-12-02', 0)).toEqual(['2026-11-30', '2026-12-01', '2026-12-02', '2026-12-03', '2026-12-04', '2026-12-05', '2026-12-06']);
    expect(weekDays('2026-12-06', 1)[0]).toBe('2026-12-07');
    expect(addDays('2026-10-31', 1)).toBe('2026-11-01');
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  });
});

describe('up to three choices', () => {
  const [a, b, c, d] = [p('2026-12-02', '09:00'), p('2026-12-02', '10:00'), p('2026-12-03', '09:00'), p('2026-12-04', '09:00')];

  it('are added, taken back, and never four', () => {
    expect(togglePreference([a], b)).toEqual([a, b]);
    expect(togglePreference([a, b], { ...a })).toEqual([b]);
    expect(togglePreference([a, b, c], d)).toEqual([a, b, c]);
  });

  it('can change their order', () => {
    expect(promote([a, b, c], 2)).toEqual([a, c, b]);
    expect(promote([a, b], 0)).toEqual([a, b]);
  });
});

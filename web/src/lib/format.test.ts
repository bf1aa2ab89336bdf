import { describe, expect, it } from 'vitest';
import { formatter, initials, personName, telHref } from './format';

const now = () => Date.parse('2026-11-30T18:00:00Z'); // Monday, 11 am in Denver
const en = formatter('en', 'America/Denver', now);
const es = formatter('es', 'America/Denver', now);
/** No-break spaces as plain ones, so that the expectations can be read. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

describe('money', () => {
  it.each([
    [4500, '$45.00'],
    [5, '$0.05'],
    [123456789, '$1,234,567.89'],
    [-10500, '-$105.00'],
  ])('%i cents', (cents, text) => {
    expect(en.money(cents)).toBe(text);
    expect(es.money(cents)).toBe(text);
  });
});

describe('a visit', () => {
  const start = '2026-12-03T21:30:00Z';
  const end = '2026-12-03T22:20:00Z';

  it('is told in words, in the clinic’s zone', () => {
    expect(plain(en.when(start, end))).toBe('Thursday, December 3, 2:30 to 3:20 pm');
    expect(plain(es.when(start, end))).toBe('jueves, 3 de diciembre, 2:30 a 3:20 p. m.');
    expect(plain(en.when(start))).toBe('Thursday, December 3, 2:30 pm');
  });

  it('is told in its own zone where it has one', () => {
    expect(plain(en.when(start, end, 'Europe/Berlin'))).toBe('Thursday, December 3, 10:30 to 11:20 pm');
    expect(plain(en.when('2026-12-03T23:30:00Z', undefined, 'Europe/Berlin'))).toBe('Friday, December 4, 12:30 am');
  });

  it('names both halves of the day when it crosses noon', () => {
    expect(plain(en.timeRange('2026-12-03T18:30:00Z', '2026-12-03T19:20:00Z'))).toBe('11:30 am to 12:20 pm');
    expect(plain(es.timeRange('2026-12-03T18:30:00Z', '2026-12-03T19:20:00Z'))).toBe('11:30 a. m. a 12:20 p. m.');
  });

  it('keeps the hours on both sides of the change to winter time', () => {
    expect(plain(en.time('2026-11-01T07:30:00Z'))).toBe('1:30 am');
    expect(plain(en.time('2026-11-01T08:30:00Z'))).toBe('1:30 am');
    expect(plain(en.time('2026-11-01T09:30:00Z'))).toBe('2:30 am');
  });
});

describe('days', () => {
  it('are calendar dates that no zone shifts', () => {
    expect(formatter('en', 'Pacific/Honolulu', now).date('1990-04-27')).toBe('April 27, 1990');
    expect(formatter('es', 'Pacific/Kiritimati', now).date('1990-04-27')).toBe('27 de abril de 1990');
  });

  it('carry the year when it is not this one', () => {
    expect(en.day('2026-12-03')).toBe('Thursday, December 3');
    expect(en.day('2027-01-04')).toBe('Monday, January 4, 2027');
    expect(es.day('2027-01-04')).toBe('lunes, 4 de enero de 2027');
  });

  it('are relative only next to today', () => {
    expect(['2026-11-29', '2026-11-30', '2026-12-01', '2026-12-02'].map((day) => en.relativeDay(day))).toEqual(['yesterday', 'today', 'tomorrow', 'Wednesday, December 2']);
    expect(['2026-11-29', '2026-11-30', '2026-12-01'].map((day) => es.relativeDay(day))).toEqual(['ayer', 'hoy', 'mañana']);
  });

  it('begin at midnight of the clinic, not of the device or of Greenwich', () => {
    const lateEvening = () => Date.parse('2026-12-01T05:00:00Z'); // still November 30 in Denver
    expect(formatter('en', 'America/Denver', lateEvening).today()).toBe('2026-11-30');
    expect(formatter('en', 'America/Denver', lateEvening).daysAway('2026-12-01')).toBe(1);
    expect(formatter('en', 'Europe/Berlin', lateEvening).daysAway('2026-12-01')).toBe(0);
  });
});

it('tells deadlines by weekday within a week, by date after that', () => {
  expect(plain(en.deadline('2026-12-02T21:30:00Z'))).toBe('Wednesday at 2:30 pm');
  expect(plain(en.deadline('2026-12-01T21:30:00Z'))).toBe('tomorrow at 2:30 pm');
  expect(plain(en.deadline('2026-12-11T21:30:00Z'))).toBe('December 11 at 2:30 pm');
  expect(plain(es.deadline('2026-12-02T21:30:00Z'))).toBe('el miércoles a las 2:30 p. m.');
  expect(plain(es.deadline('2026-12-02T20:30:00Z'))).toBe('el miércoles a la 1:30 p. m.');
});

it('fills the date tile', () => {
  expect(en.tile('2026-12-03T21:30:00Z')).toEqual({ month: 'Dec', day: '3', weekday: 'Thu' });
  expect(es.tile('2026-12-03')).toEqual({ month: 'dic', day: '3', weekday: 'jue' });
});

it('rounds spans of time up', () => {
  expect([en.span(10), en.span(61), en.span(900), en.span(3601), en.span(90_000)]).toEqual(['10 seconds', '2 minutes', '15 minutes', '2 hours', '2 days']);
  expect(es.span(120)).toBe('2 minutos');
});

it('writes wall times', () => {
  expect([en.wall('09:00'), en.wall('14:30'), en.wall('00:15'), es.wall('12:00')].map(plain)).toEqual(['9:00 am', '2:30 pm', '12:15 am', '12:00 p. m.']);
});

it('names people and numbers', () => {
  expect(personName({ firstName: 'Ana', lastName: 'Reyes', title: 'Dr.' })).toBe('Dr. Ana Reyes');
  expect(personName({ firstName: 'Sam', lastName: 'Lee', title: 'LCSW' })).toBe('Sam Lee, LCSW');
  expect(initials({ firstName: 'ángela', lastName: 'Ødegård' })).toBe('ÁØ');
  expect(telHref('(303) 555-0142')).toBe('tel:3035550142');
});

describe('how long ago', () => {
  it.each([
    ['2026-11-30T17:59:45Z', 'now', 'ahora'],
    ['2026-11-30T17:55:00Z', '5 minutes ago', 'hace 5 minutos'],
    ['2026-11-30T15:00:00Z', '3 hours ago', 'hace 3 horas'],
    ['2026-11-29T17:00:00Z', 'yesterday', 'ayer'],
    ['2026-11-20T18:00:00Z', '10 days ago', 'hace 10 días'],
    // A clock that is a little ahead does not make the past the future.
    ['2026-11-30T18:00:30Z', 'now', 'ahora'],
  ])('%s', (at, english, spanish) => {
    expect(en.ago(at)).toBe(english);
    expect(es.ago(at)).toBe(spanish);
  });
});

import { readFileSync, readdirSync } from 'node:fs';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';

/**
 * The calendar files of the server, read by a library that has nothing in common with the one that
 * wrote them. The files and what they must say are made by TestCalendarFilesOfMails (Go).
 */
const folder = `${import.meta.dirname}/calendar/`;
const expected = readdirSync(folder).filter((name) => name.endsWith('.json'));

interface Said {
  file: string;
  uid: string;
  method: string;
  status: string;
  sequence: number;
  start: string;
  end: string;
  summary: string;
  location: string;
}

describe('calendar files', () => {
  it('are there', () => expect(expected.length).toBeGreaterThanOrEqual(18));

  it.each(expected)('%s is read as it was written', (name) => {
    const said = JSON.parse(readFileSync(folder + name, 'utf8')) as Said;
    const raw = readFileSync(folder + said.file, 'utf8');
    for (const line of raw.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    const calendar = new ICAL.Component(ICAL.parse(raw) as unknown[]);
    const events = calendar.getAllSubcomponents('vevent');
    expect(events).toHaveLength(1);
    const event = new ICAL.Event(events[0]);
    const instant = (time: ICAL.Time) => time.toJSDate().toISOString().replace('.000Z', 'Z');
    expect({
      file: said.file,
      uid: event.uid,
      method: calendar.getFirstPropertyValue('method'),
      status: events[0]?.getFirstPropertyValue('status'),
      sequence: event.sequence,
      start: instant(event.startDate),
      end: instant(event.endDate),
      summary: event.summary,
      location: event.location,
    }).toEqual(said);
    expect(event.startDate.zone.tzid).toBe('UTC');
  });
});

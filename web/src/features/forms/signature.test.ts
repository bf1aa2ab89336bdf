import { describe, expect, it } from 'vitest';
import { checkSignature, countsAsDrawn, fitStrokes, matchesName } from './signature';

const line = (length: number) => [{ x: 0, y: 0 }, { x: length, y: 0 }];

describe('a drawn signature', () => {
  it('is two strokes, or 40 px of ink', () => {
    expect(countsAsDrawn([])).toBe(false);
    expect(countsAsDrawn([[]])).toBe(false);
    expect(countsAsDrawn([[{ x: 5, y: 5 }]])).toBe(false);
    expect(countsAsDrawn([line(39)])).toBe(false);
    expect(countsAsDrawn([line(40)])).toBe(true);
    expect(countsAsDrawn([line(3), line(3)])).toBe(true);
  });

  it('stays as it is on a pad where it fits, and keeps its shape where it does not', () => {
    const phone = { width: 300, height: 176 };
    expect(fitStrokes([[{ x: 290, y: 100 }]], phone)).toEqual([[{ x: 290, y: 100 }]]);
    expect(fitStrokes([[{ x: 600, y: 176 }]], phone)).toEqual([[{ x: 300, y: 88 }]]);
    expect(fitStrokes([], phone)).toEqual([]);
  });
});

describe('a typed signature', () => {
  it('forgives case, spaces, apostrophes and hyphens, not another name', () => {
    expect(matchesName('  maya   OKAFOR ', 'Maya Okafor')).toBe(true);
    expect(matchesName('JOSÉ NÚÑEZ', 'José Núñez')).toBe(true);
    expect(matchesName('Siobhán O’Neil‑Ray', "Siobhán O'Neil-Ray")).toBe(true);
    expect(matchesName('Jose Nunez', 'José Núñez')).toBe(false);
    expect(matchesName('Maya', 'Maya Okafor')).toBe(false);
    expect(matchesName('', '')).toBe(false);
  });
});

describe('the sign step', () => {
  it('names everything that is missing at once', () => {
    expect(checkSignature({ mode: 'draw', strokes: [], typed: '', attested: false }, 'Maya Okafor')).toEqual(['missing', 'attestation']);
    expect(checkSignature({ mode: 'type', strokes: [line(90)], typed: '', attested: true }, 'Maya Okafor')).toEqual(['missing']);
    expect(checkSignature({ mode: 'type', strokes: [], typed: 'Sam Okafor', attested: true }, 'Maya Okafor')).toEqual(['name']);
    expect(checkSignature({ mode: 'draw', strokes: [line(90)], typed: '', attested: true }, 'Maya Okafor')).toEqual([]);
  });
});

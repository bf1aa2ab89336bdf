import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createElement, isValidElement, type ReactElement } from 'react';
import { renderHook } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { learnServerTime, serverNow } from './clock';
import { dayOf, problemsOf } from './forms';
import { defineWords, setLanguage } from './i18n';
import { forgetNext, keepNext, keptNext, safeNext } from './nextPath';

describe('the server’s clock', () => {
  it('is followed when the device’s is off', () => {
    vi.useFakeTimers({ now: Date.parse('2026-11-30T12:00:00Z') });
    learnServerTime('Mon, 30 Nov 2026 11:50:00 GMT');
    expect(new Date(serverNow()).toISOString()).toBe('2026-11-30T11:50:00.000Z');
    learnServerTime('Mon, 30 Nov 2026 12:00:01 GMT');
    expect(serverNow()).toBe(Date.now());
    learnServerTime('nonsense');
    learnServerTime(null);
    expect(serverNow()).toBe(Date.now());
  });
});

describe('where to go after signing in', () => {
  it.each(['/forms/f1', '/payments/invoices/i1?a=b'])('follows %s', (next) => expect(safeNext(next, '/dashboard')).toBe(next));
  it.each([null, '', 'https://evil.example/', '//evil.example', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)', '/'])('refuses %s', (next) =>
    expect(safeNext(next, '/dashboard')).toBe('/dashboard'),
  );
});

describe('where to go after a link in a mail', () => {
  it('is kept for the tab that the link opens, for twenty minutes', () => {
    vi.useFakeTimers();
    keepNext('/forms/f1');
    vi.advanceTimersByTime(19 * 60_000);
    expect(keptNext()).toBe('/forms/f1');
    vi.advanceTimersByTime(60_000);
    expect(keptNext()).toBeNull();
  });

  it('is forgotten on request, and survives nonsense', () => {
    keepNext('/forms/f1');
    forgetNext();
    expect(keptNext()).toBeNull();
    window.localStorage.setItem('anteroom.next', '{"next":1');
    expect(keptNext()).toBeNull();
    window.localStorage.setItem('anteroom.next', '{"next":1,"at":1}');
    expect(keptNext()).toBeNull();
  });
});

describe('typed dates', () => {
  it('are calendar dates that exist', () => {
    expect(dayOf({ month: '4', day: '27', year: '1990' })).toBe('1990-04-27');
    expect(dayOf({ month: '02', day: '29', year: '2024' })).toBe('2024-02-29');
    for (const [month, day, year] of [
      ['2', '29', '2023'],
      ['13', '1', '1990'],
      ['4', '31', '1990'],
      ['4', '', '1990'],
      ['4', '27', '90'],
      ['x', '27', '1990'],
    ] as const)
      expect(dayOf({ month, day, year })).toBeNull();
  });
});

it('lists problems in the order of the page', () => {
  const errors = { email: { type: 'x', message: 'Mail.' }, person: { name: { type: 'x', message: 'Name.' } } };
  expect(problemsOf<{ email: string; person: { name: string }; other: string }>(errors, ['person.name', 'other', 'email'])).toEqual([
    { id: 'person.name', message: 'Name.' },
    { id: 'email', message: 'Mail.' },
  ]);
});

describe('words', () => {
  const useWords = defineWords('test', { n_one: '{count} thing', n_other: '{count} things', help: 'Call <a>{phone}</a> now' }, { n_one: '{count} cosa', n_other: '{count} cosas', help: 'Llame al <a>{phone}</a> ya' });

  it('count, fill in and follow the language', async () => {
    const { result, rerender } = renderHook(() => useWords());
    expect([result.current.t('n', { count: 1 }), result.current.t('n', { count: 3 })]).toEqual(['1 thing', '3 things']);
    await setLanguage('es');
    rerender();
    expect(result.current.t('n', { count: 3 })).toBe('3 cosas');
    expect(document.documentElement.lang).toBe('es');
  });

  it('put elements into sentences', () => {
    const { result } = renderHook(() => useWords());
    const pieces = result.current.rich('help', { a: createElement('a') }, { phone: '911' }) as ReactElement<{ children: string }>[];
    expect(pieces.map((piece) => [isValidElement(piece) && piece.type === 'a', piece.props.children])).toEqual([
      [false, 'Call '],
      [true, '911'],
      [false, ' now'],
    ]);
  });

  it('do not let a value smuggle in an element of its own', () => {
    const { result } = renderHook(() => useWords());
    const pieces = result.current.rich('help', { a: createElement('a') }, { phone: '<b>911</b>' }) as ReactElement<{ children: string }>[];
    expect(pieces[1]?.props.children).toBe('<b>911</b>');
  });
});

it('keeps raw colours out of every stylesheet but the tokens', () => {
  const folder = join(__dirname, '../styles');
  const sheets = readdirSync(folder).filter((name) => name.endsWith('.css') && name !== 'tokens.css');
  expect(sheets).not.toHaveLength(0);
  for (const sheet of sheets) expect(readFileSync(join(folder, sheet), 'utf8'), sheet).not.toMatch(/#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch)a?\(/i);
});

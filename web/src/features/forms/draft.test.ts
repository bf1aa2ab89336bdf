import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DraftQueue } from './draft';
import type { DraftAnswer, DraftFailure, DraftState } from './draft';
import type { Responses } from './questionnaire/types';

const PAUSE = 800;

/** A server that answers when told to, and remembers what it was asked. */
function setUp() {
  const calls: { responses: Responses; version: number; answer(a: DraftAnswer): void; fail(f: DraftFailure): void }[] = [];
  const states: DraftState['kind'][] = [];
  const queue = new DraftQueue({
    version: 3,
    pauseMs: PAUSE,
    save: (responses, version) => new Promise((resolve, reject) => calls.push({ responses, version, answer: resolve, fail: reject })),
    readFailure: (error) => error as DraftFailure,
    onState: (s) => states.push(s.kind),
  });
  const call = (i: number) => {
    const found = calls[i];
    if (!found) throw new Error(`call ${i} was not made`);
    return found;
  };
  return { queue, calls, call, states };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

describe('saving', () => {
  it('waits for a pause and sends the newest answers once', async () => {
    const { queue, calls, call } = setUp();
    queue.change({ q: 'a' });
    await vi.advanceTimersByTimeAsync(PAUSE - 1);
    queue.change({ q: 'ab' });
    await vi.advanceTimersByTimeAsync(PAUSE - 1);
    expect(calls).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(1);
    expect(call(0)).toMatchObject({ responses: { q: 'ab' }, version: 3 });
  });

  it('has one request in the air and builds the next on its version', async () => {
    const { queue, calls, call, states } = setUp();
    queue.change({ q: '1' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    queue.change({ q: '2' });
    await vi.advanceTimersByTimeAsync(5 * PAUSE);
    expect(calls).toHaveLength(1);
    call(0).answer({ draftVersion: 4, savedAt: '2026-11-30T10:00:00Z' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    expect(call(1)).toMatchObject({ responses: { q: '2' }, version: 4 });
    call(1).answer({ draftVersion: 5, savedAt: '2026-11-30T10:00:01Z' });
    await settle();
    expect(states.at(-1)).toBe('saved');
    expect(queue.hasUnsaved).toBe(false);
  });

  it('sends at once when the page is left', async () => {
    const { queue, calls } = setUp();
    queue.change({ q: 'a' });
    void queue.flush();
    expect(calls).toHaveLength(1);
    void queue.flush();
    await settle();
    expect(calls).toHaveLength(1);
  });
});

describe('two tabs', () => {
  async function inConflict() {
    const all = setUp();
    all.queue.change({ q: 'mine' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    all.call(0).fail({ kind: 'conflict', responses: { q: 'theirs' }, draftVersion: 9 });
    await settle();
    return all;
  }

  it('stops and overwrites nothing until the person has chosen', async () => {
    const { queue, calls, states } = await inConflict();
    expect(states.at(-1)).toBe('conflict');
    queue.change({ q: 'mine, longer' });
    await queue.flush();
    queue.retry();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
    expect(queue.hasUnsaved).toBe(true);
  });

  it('keeps mine on top of their version', async () => {
    const { queue, call } = await inConflict();
    void queue.keepMine({ q: 'mine' });
    expect(call(1)).toMatchObject({ responses: { q: 'mine' }, version: 9 });
  });

  it('takes theirs and sends nothing back', async () => {
    const { queue, calls, call } = await inConflict();
    expect(queue.takeTheirs()).toEqual({ q: 'theirs' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
    expect(queue.hasUnsaved).toBe(false);
    queue.change({ q: 'theirs and more' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    expect(call(1).version).toBe(9);
  });
});

describe('trouble', () => {
  it('keeps the answers without a network and sends them when it is back', async () => {
    const { queue, calls, call, states } = setUp();
    queue.change({ q: 'a' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    call(0).fail({ kind: 'retry' });
    await settle();
    expect(states.at(-1)).toBe('offline');
    expect(queue.hasUnsaved).toBe(true);
    queue.retry();
    expect(calls).toHaveLength(2);
    expect(call(1).responses).toEqual({ q: 'a' });
  });

  it('tries again by itself, each time later, and waits as long as the server asks', async () => {
    const { queue, calls, call } = setUp();
    queue.change({ q: 'a' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    call(0).fail({ kind: 'retry' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(calls).toHaveLength(2);
    call(1).fail({ kind: 'retry' });
    await vi.advanceTimersByTimeAsync(4999);
    expect(calls).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    call(2).fail({ kind: 'retry', afterMs: 60_000 });
    await vi.advanceTimersByTimeAsync(59_999);
    expect(calls).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(4);
  });

  it('prefers what was written while the failing save was in the air', async () => {
    const { queue, call } = setUp();
    queue.change({ q: 'old' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    queue.change({ q: 'new' });
    call(0).fail({ kind: 'retry' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(call(1).responses).toEqual({ q: 'new' });
  });

  it('does not repeat what the server refused, but sends the next change', async () => {
    const { queue, calls, call, states } = setUp();
    queue.change({ q: 'a' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    call(0).fail({ kind: 'refused', error: new Error('no') });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(states.at(-1)).toBe('refused');
    expect(calls).toHaveLength(1);
    queue.change({ q: 'b' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    expect(call(1).responses).toEqual({ q: 'b' });
  });

  it('is silent after the form was sent', async () => {
    const { queue, calls, states } = setUp();
    queue.change({ q: 'a' });
    queue.close();
    queue.change({ q: 'b' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(0);
    expect(states.at(-1)).toBe('submitted');
  });

  it('learns that another tab has sent the form', async () => {
    const { queue, call, states } = setUp();
    queue.change({ q: 'a' });
    await vi.advanceTimersByTimeAsync(PAUSE);
    call(0).fail({ kind: 'submitted' });
    await settle();
    expect(states.at(-1)).toBe('submitted');
    expect(queue.hasUnsaved).toBe(false);
  });
});

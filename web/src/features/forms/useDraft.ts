import { useEffect, useState } from 'react';
import { api, ApiError } from '@/lib/pb';
import { useClientId } from '@/lib/session';
import { DraftQueue, type DraftFailure, type DraftState } from './draft';
import type { DraftSaved, Responses } from '@/lib/types';

/** Saves that were still on their way when their page was left, by form. */
const leaving = new Map<string, Promise<void>>();

/** Resolves when an earlier visit of this form has stored its last words; undefined when there is nothing to wait for. */
export function lastSaveOf(id: string): Promise<void> | undefined {
  return leaving.get(id);
}

/** The draft of one form: saved after each pause, on leaving, and when the network is back. */
export function useDraft(id: string, version: number): { queue: DraftQueue; state: DraftState } {
  const clientId = useClientId();
  const [state, setState] = useState<DraftState>({ kind: 'idle' });
  const [queue] = useState(
    () =>
      new DraftQueue({
        version,
        // For whom is settled when the form opens: a later switch of person must not move these answers.
        save: (responses, draftVersion) =>
          api<DraftSaved>(`forms/${encodeURIComponent(id)}`, { method: 'PATCH', body: { responses, draftVersion }, clientId }),
        readFailure,
        onState: setState,
      }),
  );

  useEffect(() => {
    const online = () => queue.retry();
    const hidden = () => {
      if (document.visibilityState === 'hidden') void queue.flush();
    };
    const unload = (event: BeforeUnloadEvent) => {
      if (!queue.hasUnsaved) return;
      void queue.flush();
      event.preventDefault();
    };
    window.addEventListener('online', online);
    document.addEventListener('visibilitychange', hidden);
    window.addEventListener('beforeunload', unload);
    return () => {
      window.removeEventListener('online', online);
      document.removeEventListener('visibilitychange', hidden);
      window.removeEventListener('beforeunload', unload);
      const last = queue.flush().finally(() => {
        queue.dispose();
        if (leaving.get(id) === last) leaving.delete(id);
      });
      leaving.set(id, last);
    };
  }, [queue, id]);

  return { queue, state };
}

export function readFailure(error: unknown): DraftFailure {
  if (!(error instanceof ApiError)) return { kind: 'retry' };
  if (error.reason === 'DRAFT_CONFLICT') {
    const { responses, draftVersion } = error.details as unknown as { responses: Responses; draftVersion: number };
    return { kind: 'conflict', responses, draftVersion };
  }
  if (error.reason === 'ALREADY_SUBMITTED') return { kind: 'submitted' };
  if (error.status === 0 || error.status === 429 || error.status >= 500) {
    return { kind: 'retry', afterMs: error.retryAfter ? error.retryAfter * 1000 : undefined };
  }
  return { kind: 'refused', error };
}

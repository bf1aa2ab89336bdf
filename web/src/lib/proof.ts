import { useMutation } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { serverNow } from './clock';
import { ApiError } from './pb';
import { getSession } from './session';

/**
 * What changes how somebody signs in wants a fresh proof that it is them. A request made through proven() asks for
 * it only when the server does, and is then repeated; whoever cancels finds everything as it was.
 */

/** The person chose not to prove who they are. Nothing was changed, so there is nothing to explain. */
export class NotProven extends Error {
  override name = 'NotProven';
}

interface Question {
  asked: Promise<void>;
  settle: (proven: boolean) => void;
}

let question: Question | undefined;
const listeners = new Set<() => void>();

function show(next: Question | undefined): void {
  question = next;
  for (const listener of listeners) listener();
}

/** Asks the person to prove who they are; two requests at once share one question. Rejects with NotProven. */
export function askForProof(): Promise<void> {
  if (!question) {
    let settle: Question['settle'] = () => {};
    const asked = new Promise<void>((resolve, reject) => {
      settle = (proven) => (proven ? resolve() : reject(new NotProven()));
    });
    show({ asked, settle });
  }
  return question!.asked;
}

/** The dialog's answer. */
export function answerProof(proven: boolean): void {
  const open = question;
  show(undefined);
  open?.settle(proven);
}

/** Whether the dialog should stand. */
export function useProofAsked(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => question !== undefined,
  );
}

/** Makes a request; where the server wants a fresh proof, asks for it and makes the request once more. */
export async function proven<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'REAUTHENTICATION_REQUIRED') throw error;
    await askForProof();
    return request();
  }
}

/**
 * Makes sure of a fresh proof before a request that cannot simply be made again, such as one that opens another
 * window.
 */
export async function proveFirst(): Promise<void> {
  const session = getSession();
  const until = session.status === 'signed-in' ? Date.parse(session.session.provenUntil ?? '') : NaN;
  if (until > serverNow() + 60_000) return;
  await askForProof();
}

export interface Act<V, T> {
  /** Gives the answer, or undefined when it was refused (see `error`) or the person cancelled. */
  run: (values: V) => Promise<T | undefined>;
  busy: boolean;
  /** The last refusal; null while the next try runs and after a cancelled proof. */
  error: Error | null;
  reset: () => void;
}

/** A change that may need a fresh proof, with its waiting and its refusal. */
export function useProven<V = void, T = unknown>(request: (values: V) => Promise<T>): Act<V, T> {
  const mutation = useMutation<T, Error, V>({ mutationFn: (values) => proven(() => request(values)) });
  return {
    run: (values) => mutation.mutateAsync(values).catch(() => undefined),
    busy: mutation.isPending,
    error: mutation.error instanceof NotProven ? null : mutation.error,
    reset: mutation.reset,
  };
}

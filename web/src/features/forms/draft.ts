/**
 * Saves a draft after each pause, one request at a time, newest answers last.
 *
 * - Each save names the version it builds on; when another tab was faster, the
 *   person chooses whose answers to keep. Nothing is overwritten in silence.
 * - Without a network the answers stay here and are sent when it is back.
 * - Answers live in memory only: health facts are never put in browser storage.
 */
import type { Responses } from './questionnaire/types';

export interface DraftAnswer {
  draftVersion: number;
  savedAt: string;
}

/** How a failed save is to be understood; the caller reads it from the server's error. */
export type DraftFailure =
  | { kind: 'conflict'; responses: Responses; draftVersion: number }
  | { kind: 'submitted' }
  /** No answer came, or the server asked for patience: worth another try. */
  | { kind: 'retry'; afterMs?: number }
  /** The server said no and would say no again. */
  | { kind: 'refused'; error: unknown };

export type DraftState =
  | { kind: 'idle' }
  | { kind: 'waiting' }
  | { kind: 'saving' }
  | { kind: 'saved'; savedAt: string }
  | { kind: 'offline' }
  | { kind: 'conflict'; theirs: Responses; theirVersion: number }
  | { kind: 'submitted' }
  | { kind: 'refused'; error: unknown };

export interface DraftQueueOptions {
  version: number;
  save(responses: Responses, draftVersion: number): Promise<DraftAnswer>;
  readFailure(error: unknown): DraftFailure;
  onState(state: DraftState): void;
  pauseMs?: number;
}

const RETRY_MS = [2000, 5000, 15000, 30000];

export class DraftQueue {
  private version: number;
  private pending: Responses | undefined;
  private sending: Promise<void> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private state: DraftState = { kind: 'idle' };
  private readonly options: DraftQueueOptions;

  constructor(options: DraftQueueOptions) {
    this.options = options;
    this.version = options.version;
  }

  get current(): DraftState {
    return this.state;
  }

  /** True while something the person wrote is not on the server. */
  get hasUnsaved(): boolean {
    return this.pending !== undefined || this.sending !== undefined;
  }

  change(responses: Responses): void {
    if (this.state.kind === 'submitted') return;
    this.pending = responses;
    if (this.state.kind === 'conflict') return;
    if (this.state.kind !== 'offline') this.setState({ kind: 'waiting' });
    this.schedule(this.options.pauseMs ?? 800);
  }

  /** Sends what is pending now; resolves when nothing is in the air, sent or not. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.sending) await this.sending;
    if (this.pending !== undefined && this.state.kind !== 'conflict' && this.state.kind !== 'submitted') await this.send();
  }

  /** The network is back, or the person pressed "Try again". */
  retry(): void {
    this.tries = 0;
    if (this.pending !== undefined && this.state.kind !== 'conflict') void this.flush();
  }

  /** Keeps these answers and replaces the other tab's. */
  async keepMine(mine: Responses): Promise<void> {
    if (this.state.kind !== 'conflict') return;
    this.version = this.state.theirVersion;
    this.pending = mine;
    this.setState({ kind: 'waiting' });
    await this.flush();
  }

  /** Drops these answers for the other tab's, which are returned. */
  takeTheirs(): Responses | undefined {
    if (this.state.kind !== 'conflict') return undefined;
    const { theirs, theirVersion } = this.state;
    this.version = theirVersion;
    this.pending = undefined;
    this.setState({ kind: 'idle' });
    return theirs;
  }

  /** After sending the form: nothing may follow it. */
  close(): void {
    clearTimeout(this.timer);
    this.pending = undefined;
    this.setState({ kind: 'submitted' });
  }

  /** Leaves the page: stops the clock, the state is nobody's any more. */
  dispose(): void {
    clearTimeout(this.timer);
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private send(): Promise<void> {
    const responses = this.pending as Responses;
    this.pending = undefined;
    this.setState({ kind: 'saving' });
    this.sending = this.options.save(responses, this.version).then(
      ({ draftVersion, savedAt }) => {
        this.sending = undefined;
        this.version = draftVersion;
        this.tries = 0;
        if (this.state.kind === 'submitted') return;
        if (this.pending === undefined) this.setState({ kind: 'saved', savedAt });
        else this.schedule(this.options.pauseMs ?? 800);
      },
      (error: unknown) => {
        this.sending = undefined;
        if (this.state.kind !== 'submitted') this.fail(responses, error);
      },
    );
    return this.sending;
  }

  private fail(responses: Responses, error: unknown): void {
    const failure = this.options.readFailure(error);
    // What was written since is newer than what failed.
    this.pending ??= responses;
    switch (failure.kind) {
      case 'conflict':
        clearTimeout(this.timer);
        this.setState({ kind: 'conflict', theirs: failure.responses, theirVersion: failure.draftVersion });
        break;
      case 'submitted':
        this.close();
        break;
      case 'retry': {
        this.setState({ kind: 'offline' });
        const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)] as number;
        this.tries += 1;
        this.schedule(failure.afterMs ?? wait);
        break;
      }
      case 'refused':
        clearTimeout(this.timer);
        this.setState({ kind: 'refused', error: failure.error });
        break;
    }
  }

  private setState(state: DraftState): void {
    this.state = state;
    this.options.onState(state);
  }
}

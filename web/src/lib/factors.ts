import { ApiError } from './pb';
import type { MfaMethod } from './types';

/** Methods answered with something typed. */
export type CodeMethod = Exclude<MfaMethod, 'passkey'>;

/** What the server wants to see besides what it has seen already. */
export interface FactorChallenge {
  mfaToken: string;
  methods: MfaMethod[];
  /** Where a code goes, hidden in part: "•• 34", "a•••@x.example". */
  hints?: { sms?: string; email?: string };
  /** Seconds until it must be started again. */
  expiresIn: number;
}

/** The challenge in a refusal with the reason MFA_REQUIRED; undefined for every other error. */
export function challengeOf(error: unknown): FactorChallenge | undefined {
  if (!(error instanceof ApiError) || error.reason !== 'MFA_REQUIRED') return undefined;
  const { mfaToken, methods, hints, expiresIn } = error.details as Partial<FactorChallenge>;
  return { mfaToken: mfaToken ?? '', methods: methods ?? [], hints, expiresIn: expiresIn ?? 300 };
}

import type { UseQueryResult } from '@tanstack/react-query';
import type { ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { Id, Instant } from '@/lib/types';

/** A method that can be set up as a second step. */
export type FactorMethod = 'totp' | 'sms' | 'email';
export const factorMethods: FactorMethod[] = ['totp', 'sms', 'email'];

export interface Factor {
  method: FactorMethod;
  enabledAt: Instant;
  lastUsedAt?: Instant;
  /** Where a code goes, hidden in part. */
  hint?: string;
}
export interface Factors {
  /** The clinic's rule. */
  policy: 'off' | 'optional' | 'required';
  enabled: boolean;
  factors: Factor[];
  recoveryCodesLeft: number;
  passkeys: number;
}
export interface TotpSetup {
  secret: string;
  otpauthUrl: string;
  /** A data: URL. */
  qrPng: string;
}
export interface Enabled {
  enabled: boolean;
  /** With the first second step only, and never again. */
  recoveryCodes?: string[];
}
export interface Passkey {
  id: Id;
  name: string;
  createdAt: Instant;
  lastUsedAt?: Instant;
  deviceType: 'single' | 'synced';
  transports: string[];
}
/** What the server recognised of a browser; empty where it recognised nothing. */
export interface Browser {
  id: Id;
  current: boolean;
  device: 'mobile' | 'tablet' | 'desktop' | (string & {});
  os: string;
  browser: string;
  createdAt: Instant;
}
export interface SessionRow extends Browser {
  ipAddress: string;
  place: 'this_network' | 'other_network';
  method: string;
  remembered: boolean;
  lastActivity: Instant;
}
export interface RememberedDevice extends Browser {
  lastUsedAt?: Instant;
  expiresAt: Instant;
}
export interface Sessions {
  sessions: SessionRow[];
  devices: RememberedDevice[];
}
export interface Provider {
  provider: string;
  name: string;
}
export interface Links {
  links: (Provider & { createdAt: Instant })[];
  available: Provider[];
}
export interface PendingEmail {
  pending?: { email: string; expiresAt: Instant };
}

// All of it belongs to the login, whomever one acts for, and lives under "auth/": one topic.

export const useFactors = (): UseQueryResult<Factors, ApiError> => useApi<Factors>('auth/mfa');
export const usePasskeys = (enabled: boolean): UseQueryResult<{ passkeys: Passkey[] }, ApiError> => useApi<{ passkeys: Passkey[] }>('auth/passkeys', { enabled });
/** Who is signed in where changes without this page: asked again whenever it comes back to the front. */
export const useSessions = (): UseQueryResult<Sessions, ApiError> => useApi<Sessions>('auth/sessions', { staleTime: 0 });
export const useLinks = (): UseQueryResult<Links, ApiError> => useApi<Links>('auth/links');
export const usePendingEmail = (): UseQueryResult<PendingEmail, ApiError> => useApi<PendingEmail>('auth/change-email');

export function useChanged(): () => Promise<void> {
  const invalidate = useInvalidate();
  return () => invalidate('auth');
}

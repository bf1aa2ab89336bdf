import type { UseQueryResult } from '@tanstack/react-query';
import type { ApiError } from '@/lib/pb';
import { useApi } from '@/lib/query';
import type { Id, Instant, Relationship, Scope } from '@/lib/types';

/** Somebody who may act for the client on screen, or is invited to. */
export interface Person {
  id: Id;
  /** Empty until an invitation is accepted. */
  name: string;
  email: string;
  relationship: Relationship;
  scope: Scope;
  expiresAt?: Instant;
  status: 'active' | 'invited';
  /** The one who is signed in. */
  you: boolean;
  canEnd: boolean;
}
export interface Access {
  people: Person[];
  mayInvite: boolean;
}

export const useAccess = (): UseQueryResult<Access, ApiError> => useApi<Access>('profile/access');

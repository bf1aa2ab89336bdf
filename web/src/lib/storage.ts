/**
 * What this device remembers. Storage may be switched off or full; the portal then works without memory,
 * so nothing here throws.
 */
function safe(store: () => Storage) {
  return {
    get(key: string): string | null {
      try {
        return store().getItem(key);
      } catch {
        return null;
      }
    },
    set(key: string, value: string | null): void {
      try {
        if (value === null) store().removeItem(key);
        else store().setItem(key, value);
      } catch {
        // See above.
      }
    },
  };
}

/** Kept on the device, shared by its tabs. */
export const deviceStore = safe(() => window.localStorage);
/** Kept for this tab only. */
export const tabStore = safe(() => window.sessionStorage);

export const keys = {
  theme: 'anteroom.theme',
  language: 'anteroom.language',
  refreshToken: 'anteroom.refresh',
  actingClient: 'anteroom.client',
  /** Says only that a passkey was used here, not whose. */
  passkey: 'anteroom.passkey',
  /** Where to go on when a link in a mail opens another tab. */
  next: 'anteroom.next',
  /** Whether visits are shown as a list or by weeks. */
  visitsView: 'anteroom.visits',
  /** An invitation waiting for its person to sign in. */
  invitation: 'anteroom.invitation',
} as const;

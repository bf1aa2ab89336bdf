import { deviceStore, keys } from './storage';

/**
 * Where to go after signing in. Only a path of this portal is followed: an address from a link could otherwise
 * lead somewhere that looks like the clinic and is not.
 */
export function safeNext(next: string | null | undefined, fallback: string): string {
  if (!next || !next.startsWith('/') || next.startsWith('//') || next.includes('\\')) return fallback;
  const url = new URL(next, location.origin);
  if (url.origin !== location.origin || url.pathname === '/') return fallback;
  return url.pathname + url.search;
}

/** As long as a link in a mail works; later nobody remembers where they wanted to go. */
const keptFor = 20 * 60_000;

/** Keeps where to go for the tab that the mail's link will open. */
export function keepNext(next: string): void {
  deviceStore.set(keys.next, JSON.stringify({ next, at: Date.now() }));
}

/** Where to go, if the link was asked for on this device a moment ago. */
export function keptNext(): string | null {
  try {
    const { next, at } = JSON.parse(deviceStore.get(keys.next) ?? '{}') as { next?: unknown; at?: unknown };
    return typeof next === 'string' && typeof at === 'number' && Date.now() - at < keptFor ? next : null;
  } catch {
    return null;
  }
}

export function forgetNext(): void {
  deviceStore.set(keys.next, null);
}

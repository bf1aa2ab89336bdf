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

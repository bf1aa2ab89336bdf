import { useLocation } from 'react-router';

interface TokenState {
  mailToken?: string;
}

/**
 * Takes the token of a mailed link out of the address before anything is asked for: addresses end up in logs, in
 * histories that a family shares, and over the shoulder. It stays with this one page of the tab's history, so that
 * loading the page again still works. Called once, before the app begins.
 */
export function hideMailToken(): void {
  const search = new URLSearchParams(location.search);
  const mailToken = search.get('token');
  if (mailToken === null) return;
  search.delete('token');
  const rest = search.toString();
  // Where the router keeps what belongs to a place in the history.
  history.replaceState({ usr: { mailToken } satisfies TokenState }, '', location.pathname + (rest && `?${rest}`) + location.hash);
}

/** The token of the mailed link that led here; null without one. */
export function useMailToken(): string | null {
  return (useLocation().state as TokenState | null)?.mailToken || null;
}

/**
 * The server's time as this page knows it. Device clocks are often minutes off, which would end a session
 * early or promise time that is not there, so limits are compared with the clock of the server's answers.
 */
let skewMs = 0;

/** Learns from the `Date` header of an answer. The header counts whole seconds, so small differences are noise. */
export function learnServerTime(dateHeader: string | null): void {
  if (!dateHeader) return;
  const server = Date.parse(dateHeader);
  if (Number.isNaN(server)) return;
  const skew = server - Date.now();
  skewMs = Math.abs(skew) < 2000 ? 0 : skew;
}

/** Milliseconds since the epoch by the server's clock. */
export function serverNow(): number {
  return Date.now() + skewMs;
}

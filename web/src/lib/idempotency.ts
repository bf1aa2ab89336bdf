import { useState } from 'react';

/** 128 random bits. Unlike randomUUID() it works without TLS too, as on a clinic's own network. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface IdempotencyKey {
  /**
   * The key under which a request may be repeated without harm: the same for the same body, however often it is
   * tried, and another one once the person has changed what is sent (the server refuses a key that comes back with
   * another body). The first key is made when the page opens.
   */
  keyFor: (body: unknown) => string;
  /** The next request is a new one, even if it looks the same: a second part payment, a try after a decline. */
  renew: () => void;
}

export function useIdempotencyKey(): IdempotencyKey {
  const [own] = useState(() => {
    let key = newKey();
    let sent: string | undefined;
    const renew = () => {
      key = newKey();
      sent = undefined;
    };
    const keyFor = (body: unknown) => {
      const now = JSON.stringify(body);
      if (sent !== undefined && sent !== now) renew();
      sent = now;
      return key;
    };
    return { keyFor, renew };
  });
  return own;
}

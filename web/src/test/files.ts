import { vi } from 'vitest';

export interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: FormData;
}

/** What the server answers to a file; `never` leaves the page waiting. */
type Answer = { status?: number; body?: unknown } | 'offline' | 'never';

/** Answers uploads, which go through XMLHttpRequest, after telling of half and of all of the bytes. Gives what was sent. */
export function sendFiles(answer: (sent: Sent) => Answer): Sent[] {
  const all: Sent[] = [];
  class Request {
    upload: { onprogress?: (event: { lengthComputable: boolean; loaded: number; total: number }) => void } = {};
    status = 0;
    response: unknown = null;
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    onloadend?: () => void;
    private sent: Sent = { method: '', url: '', headers: {}, body: new FormData() };
    open(method: string, url: string) {
      Object.assign(this.sent, { method, url });
    }
    setRequestHeader(name: string, value: string) {
      this.sent.headers[name] = value;
    }
    getResponseHeader() {
      return null;
    }
    abort() {
      this.onabort?.();
      this.onloadend?.();
    }
    send(body: FormData) {
      this.sent.body = body;
      all.push(this.sent);
      const given = answer(this.sent);
      queueMicrotask(() => {
        this.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 2 });
        if (given === 'never') return;
        if (given === 'offline') this.onerror?.();
        else {
          this.upload.onprogress?.({ lengthComputable: true, loaded: 2, total: 2 });
          this.status = given.status ?? 200;
          this.response = given.body;
          this.onload?.();
        }
        this.onloadend?.();
      });
    }
  }
  vi.stubGlobal('XMLHttpRequest', Request);
  return all;
}

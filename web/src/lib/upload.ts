import { learnServerTime } from './clock';
import { ApiError, credentials, errorFrom, offline, pathOf, withFreshToken } from './pb';

/** What the server takes at most, in bytes. */
export const largestFile = 10 * 1024 * 1024;

export interface UploadOptions {
  /** From 0 to 1, of the bytes that have left. At 1 the server is still at work. */
  onProgress?: (share: number) => void;
  /** For whom; without it the client chosen in the person switch. */
  clientId?: string;
  signal?: AbortSignal;
}

/**
 * Sends one file to a portal route, as the field "file" of a form, and gives the envelope's `data`. What the server
 * would turn away for its size alone is not sent. Rejects with ApiError, or with an AbortError when `signal` aborted.
 */
export async function upload<T>(path: string, file: File, options: UploadOptions = {}): Promise<T> {
  if (file.size > largestFile) throw unsendable(413, 'BODY_TOO_LARGE');
  if (file.size === 0) throw unsendable(400, 'FILE_EMPTY');
  return withFreshToken(() => send<T>(path, file, options));
}

function unsendable(status: number, reason: string): ApiError {
  return new ApiError({ status, code: 'VALIDATION_ERROR', message: '', details: { reason } });
}

/** fetch() tells no progress of what it sends; this does. */
function send<T>(path: string, file: File, { onProgress, clientId, signal }: UploadOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    if (signal?.aborted) return aborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal?.addEventListener('abort', abort);
    request.open('POST', pathOf(path));
    request.responseType = 'json';
    const headers = { 'Accept-Language': document.documentElement.lang || 'en', ...credentials(clientId) };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      if (lengthComputable) onProgress?.(loaded / total);
    };
    request.onabort = aborted;
    request.onerror = () => reject(offline());
    request.onload = () => {
      learnServerTime(request.getResponseHeader('date'));
      const answer = request.response as { data: T } | null;
      if (request.status >= 200 && request.status < 300 && answer) resolve(answer.data);
      else reject(errorFrom(request.status, answer));
    };
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    const form = new FormData();
    form.append('file', file);
    request.send(form);
  });
}

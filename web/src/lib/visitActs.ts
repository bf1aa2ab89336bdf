import { useMutation } from '@tanstack/react-query';
import { api, type ApiError } from './pb';
import { useIdempotencyKey } from './idempotency';
import { useInvalidate } from './query';
import type { Appointment } from './types';

/** One press about a visit: that the person will come, or that they are there. */
export function useVisitAct(visit: Pick<Appointment, 'id'> | undefined, act: 'confirm' | 'check-in') {
  const invalidate = useInvalidate();
  const { keyFor, renew } = useIdempotencyKey();
  return useMutation<Appointment, ApiError>({
    mutationFn: () => api(`appointments/${encodeURIComponent(visit?.id ?? '')}/${act}`, { method: 'POST', body: {}, idempotencyKey: keyFor({ act, id: visit?.id }) }),
    onSuccess: () => invalidate('appointments', 'notifications'),
    onError: () => renew(),
  });
}

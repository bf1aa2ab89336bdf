import { useEffect, useRef } from 'react';
import { serverNow } from '@/lib/clock';
import { useApi } from '@/lib/query';
import type { Payment } from '@/lib/types';
import { pollDelay } from './machine';

interface FollowPaymentProps {
  id: string;
  /** When the waiting began; without it nothing is asked, only listened to. */
  since?: number;
  onChange: (payment: Payment) => void;
}

/** Asks for a payment until somebody stops rendering this. Realtime makes it ask sooner; it does not depend on it. */
export function FollowPayment({ id, since, onChange }: FollowPaymentProps) {
  const { data, dataUpdatedAt } = useApi<Payment>(`payments/${encodeURIComponent(id)}`, {
    staleTime: 0,
    refetchInterval: since === undefined ? 15_000 : () => pollDelay(serverNow() - since),
  });
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    if (data) latest.current(data);
  }, [data, dataUpdatedAt]);
  return null;
}

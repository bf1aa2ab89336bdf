import { useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { serverNow } from '@/lib/clock';
import { api, type ApiError } from '@/lib/pb';
import { apiKey } from '@/lib/query';
import { useClientId } from '@/lib/session';
import type { Availability, Day, Id, ServiceLocation } from '@/lib/types';
import { todayIn, windowFor, windowOf, WINDOWS_MOST, type DaySlots } from './slots';

/** A visit without its time. */
export interface Wish {
  serviceId: Id;
  /** Left out: anyone. */
  clinicianId?: Id;
  locationId?: Id;
  serviceLocation?: ServiceLocation;
  /** The person's own visit that would move. */
  except?: Id;
}

export interface Times {
  /** Today where the visit is. */
  today: Day;
  /** What is loaded, day by day. */
  days: DaySlots[];
  /** The first answer, for what it says besides times. */
  about?: Availability;
  loading: boolean;
  error?: ApiError;
  retry: () => void;
  /** Loads as far as a day. */
  reach: (day: Day) => void;
  /** Whether everything that can be shown is loaded. */
  complete: boolean;
  /** The last day that can be asked about. */
  last: Day;
}

/** The free times for a visit, asked for four weeks at a time, and again whenever a visit of the person changes. */
export function useTimes(wish: Wish, zone: string, enabled = true): Times {
  const clientId = useClientId();
  const [today] = useState(() => todayIn(zone, serverNow()));
  const [wanted, setWanted] = useState(1);
  const query = (index: number) => ({ ...wish, ...windowOf(today, index) });
  const first = useWindows([query(0)], clientId, enabled)[0];
  const nextDate = first?.data?.days.some((day) => day.slots.length > 0) ? undefined : first?.data?.nextAvailable?.localDate;
  // Four empty weeks, and something after them: as far as that.
  const count = Math.max(wanted, nextDate ? windowFor(today, nextDate) + 1 : 1);
  const others = useWindows(Array.from({ length: count - 1 }, (_, index) => query(index + 1)), clientId, enabled && first?.data !== undefined);
  const all = [...(first ? [first] : []), ...others];
  const failed = all.find((one) => one.isError && one.data === undefined);
  return {
    today,
    days: all.flatMap((one) => one.data?.days ?? []),
    about: first?.data,
    loading: enabled && !failed && all.some((one) => one.data === undefined),
    error: failed?.error ?? undefined,
    retry: () => all.forEach((one) => one.isError && void one.refetch()),
    reach: (day) => setWanted((before) => Math.max(before, windowFor(today, day) + 1)),
    complete: count >= WINDOWS_MOST,
    last: windowOf(today, WINDOWS_MOST - 1).to,
  };
}

function useWindows(queries: (Wish & { from: Day; to: Day })[], clientId: Id | undefined, enabled: boolean) {
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: apiKey('appointments/availability', clientId, { ...query }),
      queryFn: ({ signal }: { signal: AbortSignal }) => api<Availability>('appointments/availability', { query: { ...query }, clientId, signal }),
      enabled,
    })),
  }).map((one) => ({ ...one, error: one.error as ApiError | null }));
}

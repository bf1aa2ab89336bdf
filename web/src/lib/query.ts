import { keepPreviousData, QueryClient, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { onLanguage } from './i18n';
import { api, ApiError, type ApiOptions } from './pb';
import { onClientSwitch, onSessionEnd, useClientId } from './session';

/** Answers are kept for the life of the page only, and dropped at sign-out and when the person is switched. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
      throwOnError: false,
    },
    mutations: { retry: false },
  },
});

// The server words notifications and refusals in the language of the request.
onLanguage(() => void queryClient.invalidateQueries());

// Nothing of a person stays in memory after they left; the clinic's own configuration may.
onSessionEnd(() => queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== 'config' }));

// Nor does one person's record stay behind another's.
onClientSwitch((former) => queryClient.removeQueries({ predicate: (query) => query.queryKey[1] === former }));

/** What a query is about: the first segment of its path. Realtime events invalidate by it. */
export type Topic = 'appointments' | 'forms' | 'invoices' | 'payments' | 'notifications' | 'profile' | (string & {});

export interface UseApiOptions<T> {
  query?: ApiOptions['query'];
  enabled?: boolean;
  /** Milliseconds; a function may stop it by giving false. */
  refetchInterval?: number | false | ((data: T | undefined) => number | false);
  staleTime?: number;
  /** While another page or filter of the same list loads, the former stays on screen. */
  keepPrevious?: boolean;
}

/**
 * Reads a portal route for the person one acts for. The first load counts as activity; later refetches of the
 * same data (focus, reconnect, realtime) are marked as background.
 */
export function useApi<T>(path: string, options: UseApiOptions<T> = {}): UseQueryResult<T, ApiError> {
  const clientId = useClientId();
  const client = useQueryClient();
  const queryKey = apiKey(path, clientId, options.query);
  const { refetchInterval } = options;
  return useQuery<T, ApiError>({
    queryKey,
    queryFn: ({ signal }) =>
      api<T>(path, {
        query: options.query,
        clientId,
        signal,
        background: client.getQueryData(queryKey) !== undefined,
      }),
    enabled: options.enabled,
    staleTime: options.staleTime,
    placeholderData: options.keepPrevious ? keepPreviousData : undefined,
    refetchInterval: typeof refetchInterval === 'function' ? (query) => refetchInterval(query.state.data) : refetchInterval,
  });
}

export function apiKey(path: string, clientId?: string, query?: ApiOptions['query']): unknown[] {
  return [path.split(/[/?]/)[0], clientId ?? '', path, query ?? {}];
}

/** Marks everything about these topics as stale and refetches what is on screen. */
export function useInvalidate(): (...topics: Topic[]) => Promise<void> {
  const client = useQueryClient();
  return async (...topics) => {
    await Promise.all(topics.map((topic) => client.invalidateQueries({ queryKey: [topic] })));
  };
}

import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { api, type ApiError } from './pb';
import { queryClient } from './query';
import type { Config } from './types';

const key = ['config'];

export function fetchConfig(): Promise<Config> {
  return api<Config>('config', { anonymous: true });
}

/** What the clinic is called, how it can be reached, and what is switched on. */
export function useConfigQuery(): UseQueryResult<Config, ApiError> {
  return useQuery<Config, ApiError>({ queryKey: key, queryFn: fetchConfig, staleTime: 10 * 60_000, gcTime: Infinity });
}

/** Below the app's frame, which waits for it, the configuration is always there. */
export function useConfig(): Config {
  const { data } = useConfigQuery();
  if (!data) throw new Error('useConfig outside the app frame');
  return data;
}

/** For what is no component; undefined until the page has begun. */
export function configNow(): Config | undefined {
  return queryClient.getQueryData<Config>(key);
}

export function useClinicZone(): string {
  return useConfigQuery().data?.timeZone ?? 'UTC';
}

import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ApiError } from '@/lib/pb';
import { InlineError } from './Page';
import { Skeleton } from './Skeleton';

interface QueryViewProps<T> {
  query: UseQueryResult<T, ApiError>;
  skeleton?: ReactNode;
  children: (data: T) => ReactNode;
}

/** Waiting, failed, there: the three states of what is read from the server. Data once shown survives a failed refetch. */
export function QueryView<T>({ query, skeleton, children }: QueryViewProps<T>) {
  if (query.data !== undefined) return children(query.data);
  const retry = () => void query.refetch();
  if (query.isError) return <InlineError error={query.error} onRetry={retry} />;
  return skeleton ?? <Skeleton onRetry={retry} />;
}

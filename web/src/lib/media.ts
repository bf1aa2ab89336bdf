import { useSyncExternalStore } from 'react';

const wide = () => (typeof window.matchMedia === 'function' ? window.matchMedia('(min-width: 64rem)') : undefined);

/** Whether there is room for a second column; the same width at which the shell shows its rail. */
export function useWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = wide();
      query?.addEventListener('change', listener);
      return () => query?.removeEventListener('change', listener);
    },
    () => wide()?.matches ?? true,
  );
}

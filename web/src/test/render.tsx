import { QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { createMemoryRouter, RouterProvider, type RouteObject } from 'react-router';
import { queryClient } from '@/lib/query';
import { clinic } from './server';
import type { Config } from '@/lib/types';

/** The place that a mailed link leads to, with its token out of the address. */
export const mailed = (pathname: string, mailToken = 'abc') => ({ pathname, state: { mailToken } });

/** Draws routes as the app does, with the clinic's configuration at hand. */
export function renderRoutes(routes: RouteObject[], at: string | { pathname: string; search?: string; state?: unknown }, config: Partial<Config> = {}) {
  queryClient.setQueryData(['config'], { ...clinic, ...config });
  const router = createMemoryRouter([{ hydrateFallbackElement: <></>, children: routes }], { initialEntries: [at] });
  const view = render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return { ...view, router, user: userEvent.setup({ delay: null }) };
}

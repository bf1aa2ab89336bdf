import { Navigate, type RouteObject } from 'react-router';
import { routes as appointments } from '@/features/appointments';
import { routes as calendar } from '@/features/calendar';
import { routes as forms } from '@/features/forms';
import { routes as payments } from '@/features/payments';
import { keptRoutes, routes as auth } from '@/features/auth';
import { routes as family } from '@/features/family';
import { routes as home } from '@/features/home';
import { routes as notifications } from '@/features/notifications';
import { routes as profile } from '@/features/profile';
import { publicRoutes as closed, routes as security } from '@/features/security';
import { Frame } from './Frame';
import { paths } from './paths';
import { RouteError } from './RouteError';

/** The table of contents: who may come in without signing in, and what stands inside the shell. */
export const appRoutes: RouteObject[] = [
  {
    element: <Frame />,
    errorElement: <RouteError />,
    hydrateFallbackElement: <></>,
    children: [
      { path: paths.root, element: <Navigate to={paths.home} replace /> },
      ...auth,
      { lazy: () => import('./Kept'), children: keptRoutes },
      ...closed,
      {
        // Whoever signs in or registers does not need the shell yet.
        lazy: () => import('./Shell'),
        errorElement: <RouteError />,
        children: [
          ...home,
          ...appointments,
          ...forms,
          ...payments,
          ...notifications,
          ...profile,
          ...security,
          ...calendar,
          ...family,
          { path: paths.more, lazy: () => import('./MorePage') },
          { path: '*', lazy: () => import('./NotFound') },
        ].map(withOwnError),
      },
    ],
  },
];

/** A page that breaks leaves the shell standing. */
function withOwnError(route: RouteObject): RouteObject {
  return { errorElement: <RouteError />, ...route } as RouteObject;
}

import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.profile, lazy: () => import('./ProfilePage') },
  { path: paths.accessLog, lazy: () => import('./AccessLogPage') },
];

import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [{ path: paths.notifications, lazy: () => import('./NotificationsPage') }];

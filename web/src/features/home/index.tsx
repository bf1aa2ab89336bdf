import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [{ path: paths.home, lazy: () => import('./HomePage') }];

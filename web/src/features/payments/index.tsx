import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.payments, lazy: () => import('./PaymentsPage') },
  { path: paths.invoice(), lazy: () => import('./PayPage'), handle: { task: true } },
];

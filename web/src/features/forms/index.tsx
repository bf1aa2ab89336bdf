import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.forms, lazy: () => import('./FormsPage') },
  { path: paths.form(), lazy: () => import('./FormPage'), handle: { task: true } },
];

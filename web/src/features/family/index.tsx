import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.family, lazy: () => import('./FamilyPage') },
  { path: paths.invite, lazy: () => import('./InvitePage'), handle: { task: true } },
];

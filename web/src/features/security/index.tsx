import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

const task = { handle: { task: true } };

export const routes: RouteObject[] = [
  { path: paths.security, lazy: () => import('./SecurityPage') },
  { path: paths.changePassword, lazy: () => import('./PasswordPage'), ...task },
  { path: paths.setUpFactor(), lazy: () => import('./SetUpPage'), ...task },
  { path: paths.recoveryCodes, lazy: () => import('./RecoveryCodesPage'), ...task },
  { path: paths.changeEmail, lazy: () => import('./EmailPage'), ...task },
  { path: paths.closeAccount, lazy: () => import('./ClosePage'), ...task },
];

/** Stands outside the shell: whoever closed their account is nobody here any more. */
export const publicRoutes: RouteObject[] = [{ path: paths.accountClosed, lazy: () => import('./ClosePage').then(({ Closed }) => ({ Component: Closed })) }];

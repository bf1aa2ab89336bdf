import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.login, lazy: () => import('./LoginPage') },
  { path: paths.register, lazy: () => import('./RegisterPage') },
  { path: paths.verifyEmail, lazy: () => import('./VerifyEmailPage') },
  { path: paths.forgotPassword, lazy: () => import('./ForgotPasswordPage') },
  { path: paths.resetPassword, lazy: () => import('./ResetPasswordPage') },
  { path: paths.signedOut, lazy: () => import('./SignedOutPage') },
];

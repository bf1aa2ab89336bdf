import { Navigate, useLocation, type RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.login, lazy: () => import('./LoginPage') },
  { path: paths.signIn, element: <ToLogin /> },
  { path: paths.mailLink, lazy: () => import('./MailLinkPage') },
  { path: paths.register, lazy: () => import('./RegisterPage') },
  { path: paths.verifyEmail, lazy: () => import('./VerifyEmailPage') },
  { path: paths.forgotPassword, lazy: () => import('./ForgotPasswordPage') },
  { path: paths.resetPassword, lazy: () => import('./ResetPasswordPage') },
  { path: paths.signedOut, lazy: () => import('./SignedOutPage') },
];

/** Outside the shell, and yet perhaps with a session. */
export const keptRoutes: RouteObject[] = [
  { path: paths.invitation, lazy: () => import('./InvitationPage') },
  { path: paths.mustChangePassword, lazy: () => import('./ForcedPasswordPage') },
];

/** Another name for the sign-in page. */
function ToLogin() {
  return <Navigate to={paths.login + useLocation().search} replace />;
}

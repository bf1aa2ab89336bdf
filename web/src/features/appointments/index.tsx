import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

const task = { handle: { task: true } };

export const routes: RouteObject[] = [
  { path: paths.appointments, lazy: () => import('./AppointmentsPage') },
  { path: paths.book, lazy: () => import('./BookPage'), ...task },
  { path: paths.appointmentRequest, lazy: () => import('./RequestPage'), ...task },
  { path: paths.waitlist, lazy: () => import('./WaitlistPage') },
  { path: paths.waitlistJoin, lazy: () => import('./WaitlistJoinPage'), ...task },
  { path: paths.groupBook, lazy: () => import('./GroupPage'), ...task },
  { path: paths.group(), lazy: () => import('./GroupDetailPage') },
  { path: paths.appointment(), lazy: () => import('./AppointmentPage') },
  { path: paths.moveAppointment(), lazy: () => import('./MovePage'), ...task },
  { path: paths.cancelAppointment(), lazy: () => import('./CancelPage'), ...task },
];

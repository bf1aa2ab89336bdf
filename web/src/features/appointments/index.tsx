import type { RouteObject } from 'react-router';
import { paths } from '@/app/paths';

export const routes: RouteObject[] = [
  { path: paths.appointments, lazy: () => import('./AppointmentsPage') },
  { path: paths.appointmentRequest, lazy: () => import('./RequestPage'), handle: { task: true } },
  { path: paths.appointment(), lazy: () => import('./AppointmentPage') },
];

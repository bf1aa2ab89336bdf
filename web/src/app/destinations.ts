import { Bell, CalendarDays, CreditCard, FileText, House, UserRound, type LucideIcon } from 'lucide-react';
import type { Scope } from '@/lib/types';
import { paths } from './paths';

export interface Destination {
  key: 'home' | 'visits' | 'forms' | 'payments' | 'notifications' | 'profile';
  to: string;
  icon: LucideIcon;
  /** Stands in the phone's tab bar; the rest is under More. */
  tab: boolean;
  /** Shown to everyone, or only to those whose access covers it. The server decides; this only spares a dead end. */
  scopes?: Scope[];
}

const destinations: Destination[] = [
  { key: 'home', to: paths.home, icon: House, tab: true },
  { key: 'visits', to: paths.appointments, icon: CalendarDays, tab: true, scopes: ['all', 'appointments_forms'] },
  { key: 'forms', to: paths.forms, icon: FileText, tab: true, scopes: ['all', 'appointments_forms'] },
  { key: 'payments', to: paths.payments, icon: CreditCard, tab: true, scopes: ['all', 'billing'] },
  { key: 'notifications', to: paths.notifications, icon: Bell, tab: false },
  { key: 'profile', to: paths.profile, icon: UserRound, tab: false },
];

export function destinationsFor(scope: Scope = 'all'): Destination[] {
  return destinations.filter((one) => !one.scopes || one.scopes.includes(scope));
}

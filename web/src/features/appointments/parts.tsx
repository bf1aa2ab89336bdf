import type { ReactNode } from 'react';
import { Chip } from '@/components/Chip';
import { personName, type Formatter } from '@/lib/format';
import type { Address, Appointment } from '@/lib/types';
import { useVisitWords } from './words';

export { asTitle, visitTime } from '@/lib/visits';

/** The one state of a visit worth marking; a visit that is simply planned gets none. */
export function StatusChip({ status }: { status: Appointment['status'] }): ReactNode {
  const { t } = useVisitWords();
  switch (status) {
    case 'requested':
      return <Chip kind="waiting">{t('statusRequested')}</Chip>;
    case 'confirmed':
      return <Chip kind="confirmed">{t('statusConfirmed')}</Chip>;
    case 'arrived':
      return <Chip kind="confirmed">{t('statusArrived')}</Chip>;
    case 'in_progress':
      return <Chip kind="confirmed">{t('statusInProgress')}</Chip>;
    case 'cancelled':
      return <Chip kind="cancelled">{t('statusCancelled')}</Chip>;
    case 'declined':
      return <Chip kind="declined">{t('statusDeclined')}</Chip>;
    case 'no_show':
      return <Chip kind="cancelled">{t('statusNoShow')}</Chip>;
    default:
      return null;
  }
}

/** "Thursday, December 3, 2:30 pm": a time that was asked for, as wall time. */
export function wishedTime(wish: { date: string; time: string }, format: Formatter): string {
  return `${format.day(wish.date)}, ${format.wall(wish.time)}`;
}

export function addressLine(address: Address): string {
  return [address.street, address.city, `${address.state} ${address.zipCode}`.trim()].filter(Boolean).join(', ');
}

/** The clinician's name; empty while a request waits for anyone who is free, which names nobody yet. */
export function clinicianOf(appointment: Appointment): string {
  const { clinician } = appointment as { clinician?: Appointment['clinician'] };
  return clinician ? personName(clinician) : '';
}

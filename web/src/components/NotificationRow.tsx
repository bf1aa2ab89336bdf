import { Bell, CalendarDays, CreditCard, FileText, ShieldCheck, type LucideIcon } from 'lucide-react';
import { useFormat } from '@/lib/format';
import { api } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import { safeNext } from '@/lib/nextPath';
import type { Notification, NotificationType } from '@/lib/types';
import { Row } from './Card';

function iconOf(type: NotificationType): LucideIcon {
  if (type.startsWith('appointment') || type === 'waitlist_offer' || type === 'room_ready') return CalendarDays;
  if (type.startsWith('form') || type === 'consent_renewal') return FileText;
  if (type.startsWith('payment') || type === 'invoice_issued') return CreditCard;
  if (type === 'security_notice') return ShieldCheck;
  return Bell;
}

/** One notification; opening it marks it as read. */
export function NotificationRow({ notification, level }: { notification: Notification; level?: 2 | 3 }) {
  const format = useFormat();
  const invalidate = useInvalidate();
  const { id, type, title, message, link, read, createdAt } = notification;
  const open = () => {
    if (read) return;
    // Whether the mark was stored must not hold up the person; the list shows the truth at its next load.
    api(`notifications/${id}/read`, { method: 'POST' })
      .then(() => invalidate('notifications'))
      .catch(() => undefined);
  };
  const away = format.daysAway(createdAt);
  const when = away === 0 ? format.time(createdAt) : format.relativeDay(createdAt);
  return <Row level={level} icon={iconOf(type)} title={title} meta={[message, when]} unread={!read} to={link ? safeNext(link, '') || undefined : undefined} onOpen={open} />;
}

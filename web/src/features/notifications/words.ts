import { defineWords } from '@/lib/i18n';

export const useNotificationWords = defineWords(
  'notifications',
  {
    title: 'Notifications',
    unread_one: '{count} is unread.',
    unread_other: '{count} are unread.',
    allRead: 'You have read them all.',
    empty: 'Nothing has happened yet. News about visits, forms and payments appears here.',
    markAll: 'Mark all as read',
    marking: 'Marking…',
    older: 'Show older ones',
  },
  {
    title: 'Avisos',
    unread_one: 'Hay {count} sin leer.',
    unread_other: 'Hay {count} sin leer.',
    allRead: 'Ya los leyó todos.',
    empty: 'Todavía no hay nada. Aquí aparecen las novedades de citas, formularios y pagos.',
    markAll: 'Marcar todos como leídos',
    marking: 'Marcando…',
    older: 'Ver los anteriores',
  },
);

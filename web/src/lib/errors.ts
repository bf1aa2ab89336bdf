import { useConfig } from './config';
import { useFormat } from './format';
import { defineWords } from './i18n';
import { ApiError } from './pb';

const useWords = defineWords(
  'errors',
  {
    offline: 'You’re offline. What you write is kept on this page and sent when you’re back.',
    server: 'Something went wrong on our side. Nothing was changed. Try again, or call {phone}.',
    serverNoPhone: 'Something went wrong on our side. Nothing was changed. Try again, or call us.',
    rate: 'That was a lot of tries in a short time. Try again in {time}.',
    rateNoTime: 'That was a lot of tries in a short time. Try again later.',
    notFound: 'We can’t find that page, or it isn’t shared with you.',
  },
  {
    offline: 'No hay conexión. Lo que escriba queda en esta página y se enviará cuando vuelva.',
    server: 'Hubo una falla de nuestro lado. No se cambió nada. Intente otra vez o llame al {phone}.',
    serverNoPhone: 'Hubo una falla de nuestro lado. No se cambió nada. Intente otra vez o llámenos.',
    rate: 'Fueron muchos intentos seguidos. Vuelva a intentar en {time}.',
    rateNoTime: 'Fueron muchos intentos seguidos. Vuelva a intentar más tarde.',
    notFound: 'No encontramos esa página o no se comparte con usted.',
  },
);

/**
 * The sentence a person reads about a failed request. A page that knows a `reason` says its own sentence first
 * and falls back to this.
 */
export function useErrorSentence(): (error: unknown) => string {
  const { t } = useWords();
  const { phone } = useConfig();
  const format = useFormat();
  return (error) => {
    if (error instanceof ApiError) {
      if (error.status === 0) return t('offline');
      if (error.status === 404) return t('notFound');
      if (error.status === 429) return error.retryAfter ? t('rate', { time: format.span(error.retryAfter) }) : t('rateNoTime');
      if (error.status < 500 && error.message) return error.message;
    }
    return phone ? t('server', { phone }) : t('serverNoPhone');
  };
}

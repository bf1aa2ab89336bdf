import { useConfig } from '@/lib/config';
import { useAuthWords } from './words';

/** Loose on purpose: whether an address exists is for the mail to find out. */
export function looksLikeEmail(value: string): boolean {
  return /^\S+@\S+\.\S+$/.test(value.trim());
}

/** " at (303) 555-0142", or nothing when the clinic gave no number. */
export function useAtPhone(): string {
  const { t } = useAuthWords();
  const { phone } = useConfig();
  return phone ? t('atPhone', { phone: phone.replace(/ /g, '\u00a0') }) : '';
}

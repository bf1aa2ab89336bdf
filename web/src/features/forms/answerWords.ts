import type { Formatter } from '@/lib/format';
import { findOption, isCoded, isQuantity, optionsOf, optionWords, unitsOf, type Form } from './questionnaire/form';
import type { Answer, Item } from './questionnaire/types';

/** One answer as a person would say it. */
export function answerWords(form: Form, item: Item, answer: Answer, format: Formatter, words: { yes: string; no: string }): string {
  if (typeof answer === 'boolean') return answer ? words.yes : words.no;
  const option = findOption(optionsOf(form, item), answer);
  if (option && isCoded(answer)) return optionWords(form, option, format.language).text;
  if (isCoded(answer)) return answer.display ?? answer.code;
  if (isQuantity(answer)) return `${answer.value} ${answer.unit}`.trim();
  if (typeof answer === 'number') return [answer, unitsOf(item)[0]].filter((part) => part !== undefined).join(' ');
  if (typeof answer !== 'string') return '';
  if (item.type === 'date') return fullDate(answer, format);
  if (item.type === 'time' && /^\d{2}:\d{2}/.test(answer)) return format.wall(answer);
  if (item.type === 'dateTime') return dateTimeWords(answer, format);
  return answer;
}

/** The wall time as it was given, whatever zone the reader is in. */
function dateTimeWords(answer: string, format: Formatter): string {
  const [date = '', rest] = answer.split('T');
  return rest ? `${fullDate(date, format)}, ${format.wall(rest)}` : fullDate(date, format);
}

/** With its year, always: this is a record, not an appointment. Years and months alone stay as they are. */
function fullDate(date: string, format: Formatter): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return date;
  return new Intl.DateTimeFormat(format.language === 'es' ? 'es-US' : 'en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
}

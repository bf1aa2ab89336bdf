import type { Formatter } from '@/lib/format';
import { findOption, isCoded, isQuantity, optionsOf, optionWords, type Form } from './questionnaire/form';
import type { Answer, Item } from './questionnaire/types';

/** One answer as a person would say it. */
export function answerWords(form: Form, item: Item, answer: Answer, format: Formatter, words: { yes: string; no: string }): string {
  if (typeof answer === 'boolean') return answer ? words.yes : words.no;
  const option = findOption(optionsOf(form, item), answer);
  if (option && isCoded(answer)) return optionWords(form, option, format.language).text;
  if (isCoded(answer)) return answer.display ?? answer.code;
  if (isQuantity(answer)) return `${answer.value} ${answer.unit}`.trim();
  if (typeof answer !== 'string') return String(answer);
  if (item.type === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(answer)) return format.date(answer);
  if (item.type === 'time' && /^\d{2}:\d{2}/.test(answer)) return format.wall(answer);
  if (item.type === 'dateTime') return dateTimeWords(answer, format);
  return answer;
}

/** The wall time as it was given, whatever zone the reader is in. */
function dateTimeWords(answer: string, format: Formatter): string {
  const [date = '', rest] = answer.split('T');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return answer;
  return rest ? `${format.date(date)}, ${format.wall(rest)}` : format.date(date);
}

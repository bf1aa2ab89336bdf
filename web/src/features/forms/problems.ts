import type { Formatter } from '@/lib/format';
import type { RowPath } from './questionnaire/enable';
import type { Form } from './questionnaire/form';
import type { Item } from './questionnaire/types';
import type { Problem as AnswerProblem } from './questionnaire/validate';
import type { useFormWords } from './words';

/** The id of a question's first control; also where the error summary leads. */
export function fieldId(form: Form, linkId: string, rows: RowPath = []): string {
  const order = form.byLinkId.get(linkId)?.order ?? linkId;
  return ['q', order, ...rows.map((row) => row.index)].join('-');
}

/** The sentence for one problem. */
export function problemSentence(problem: AnswerProblem, item: Item, t: ReturnType<typeof useFormWords>['t'], format: Formatter): string {
  const limit = (value: number | string | undefined) => (item.type === 'date' && typeof value === 'string' ? format.date(value) : (value ?? ''));
  switch (problem.code) {
    case 'required':
      return t('errRequired');
    case 'option':
      return t('errOption');
    case 'exclusive':
      return t('errExclusive');
    case 'range':
      if (problem.min === undefined) return t('errMax', { max: limit(problem.max) });
      if (problem.max === undefined) return t('errMin', { min: limit(problem.min) });
      return t('errRange', { min: limit(problem.min), max: limit(problem.max) });
    case 'max_length':
      return t('errMaxLength', { max: problem.max ?? '' });
    case 'min_length':
      return t('errMinLength', { min: problem.min ?? '' });
    case 'pattern':
      return t('errPattern');
    case 'min_occurs':
      return t('errMinOccurs', { min: problem.min ?? '' });
    case 'max_occurs':
      return t('errMaxOccurs', { max: problem.max ?? '' });
    case 'type':
      switch (item.type) {
        case 'integer':
          return t('errInteger');
        case 'decimal':
        case 'quantity':
          return t('errDecimal');
        case 'date':
          return t('errDate');
        case 'dateTime':
          return t('errDateTime');
        case 'time':
          return t('errTime');
        case 'url':
          return t('errUrl');
        default:
          return t('errType');
      }
  }
}

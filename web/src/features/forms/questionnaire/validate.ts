/**
 * Checks answers as the server does, with the server's codes, so that a person
 * hears of a slip before sending. The server's word is final.
 */
import { evaluateEnableWhen, compareAnswers, responsesAt } from './enable';
import type { Enablement, RowPath } from './enable';
import { answersOf, findOption, isAnswered, isCoded, isQuantity, isQuestion, isRepeatingGroup, isUndecided, optionsOf, repeats, rowsOf } from './form';
import type { Form, Node } from './form';
import type { Answer, Extension, Item, Responses } from './types';

const SD = 'http://hl7.org/fhir/StructureDefinition/';
const SDC = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/';

export type ProblemCode = 'required' | 'type' | 'option' | 'range' | 'max_length' | 'min_length' | 'pattern' | 'min_occurs' | 'max_occurs' | 'exclusive';

export interface Problem {
  linkId: string;
  rows: RowPath;
  code: ProblemCode;
  /** The limit that was missed, for the sentence. */
  min?: number | string;
  max?: number | string;
}

export interface Limits {
  min?: number | string;
  max?: number | string;
  maxLength: number;
  minLength?: number;
  pattern?: string;
  decimals?: number;
  minOccurs?: number;
  maxOccurs?: number;
}

export function limitsOf(item: Item): Limits {
  const one = (name: string) => item.extension?.find((e) => e.url === SD + name);
  return {
    min: plain(one('minValue')) ?? quantityOf(item, 'sdc-questionnaire-minQuantity'),
    max: plain(one('maxValue')) ?? quantityOf(item, 'sdc-questionnaire-maxQuantity'),
    maxLength: Math.min(item.maxLength || Infinity, item.type === 'text' ? 20_000 : item.type === 'url' ? 2_000 : 5_000),
    minLength: plain(one('minLength')) as number | undefined,
    pattern: plain(one('regex')) as string | undefined,
    decimals: plain(one('maxDecimalPlaces')) as number | undefined,
    minOccurs: plain(one('questionnaire-minOccurs')) as number | undefined,
    maxOccurs: plain(one('questionnaire-maxOccurs')) as number | undefined,
  };
}

function plain(e: Extension | undefined): number | string | undefined {
  const value = e && Object.entries(e).find(([key]) => key.startsWith('value'))?.[1];
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

function quantityOf(item: Item, name: string): number | undefined {
  const quantity = item.extension?.find((e) => e.url === SDC + name)?.valueQuantity as { value?: number } | undefined;
  return quantity?.value;
}

const DATE = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$/;
const DATETIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
/** FHIR integers are 32-bit. */
const INT_MIN = -2147483648;
const INT_MAX = 2147483647;

/** A calendar date that exists: 2026-02-30 does not. Years and months alone are fine. */
export function isRealDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const [year, month, day] = text.split('-').map(Number);
  if (year === undefined || month === undefined || day === undefined) return true;
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCFullYear(year);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function hasItsType(item: Item, answer: Answer): boolean {
  switch (item.type) {
    case 'boolean': return typeof answer === 'boolean';
    case 'integer': return typeof answer === 'number' && Number.isInteger(answer) && answer >= INT_MIN && answer <= INT_MAX;
    case 'decimal': return typeof answer === 'number' && Number.isFinite(answer);
    case 'date': return typeof answer === 'string' && isRealDate(answer);
    case 'dateTime': return typeof answer === 'string' && (isRealDate(answer) || (DATETIME.test(answer) && isRealDate(answer.slice(0, 10))));
    case 'time': return typeof answer === 'string' && TIME.test(answer);
    case 'string': return typeof answer === 'string' && !answer.includes('\n');
    case 'text': return typeof answer === 'string';
    case 'url': return typeof answer === 'string' && isWebAddress(answer);
    case 'quantity': return isQuantity(answer) && Number.isFinite(answer.value);
    case 'open-choice': return isCoded(answer) || typeof answer === 'string';
    default: return true;
  }
}

function isWebAddress(text: string): boolean {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** A follow-up to a question that was left blank is not required. */
function isFollowUpToNothing(node: Node, scope: Responses | undefined): boolean {
  const parent = node.parent;
  return parent !== undefined && isQuestion(parent) && !isAnswered(scope?.[parent.item.linkId]);
}

/** The first thing wrong with one question's answers, or undefined. */
export function checkQuestion(form: Form, node: Node, value: Responses[string] | undefined, rows: RowPath = []): Problem | undefined {
  const { item } = node;
  const limits = limitsOf(item);
  const problem = (code: ProblemCode, more?: Partial<Problem>): Problem => ({ linkId: item.linkId, rows, code, ...more });
  const answers = answersOf(value).filter((a) => isAnswered(a));
  if (answers.length === 0) return item.required && !isUndecided(item) ? problem('required') : undefined;
  if (repeats(item) && limits.maxOccurs !== undefined && answers.length > limits.maxOccurs) return problem('max_occurs', { max: limits.maxOccurs });

  const options = optionsOf(form, item);
  if (answers.length > 1 && answers.some((a) => findOption(options, a)?.exclusive)) return problem('exclusive');
  for (const answer of answers) {
    if (findOption(options, answer) !== undefined) continue;
    if (options.length > 0 && !(item.type === 'open-choice' && typeof answer === 'string')) return problem('option');
    if (!hasItsType(item, answer)) return problem('type');
    if (typeof answer === 'string') {
      if ([...answer].length > limits.maxLength) return problem('max_length', { max: limits.maxLength });
      if (limits.minLength !== undefined && [...answer].length < limits.minLength) return problem('min_length', { min: limits.minLength });
      if (limits.pattern !== undefined && !matches(limits.pattern, answer)) return problem('pattern');
    }
    const measured: Answer = isQuantity(answer) ? answer.value : answer;
    if (typeof measured === 'number' && limits.decimals !== undefined && decimalsIn(measured) > limits.decimals) return problem('type');
    const low = limits.min === undefined ? undefined : compareAnswers(measured, limits.min);
    const high = limits.max === undefined ? undefined : compareAnswers(measured, limits.max);
    if ((low !== undefined && low < 0) || (high !== undefined && high > 0)) return problem('range', { min: limits.min, max: limits.max });
  }
  // Last, so that a wrong answer is named before a missing one.
  if (repeats(item) && limits.minOccurs !== undefined && answers.length < limits.minOccurs) return problem('min_occurs', { min: limits.minOccurs });
  return undefined;
}

function decimalsIn(value: number): number {
  return (String(value).split('.')[1] ?? '').length;
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(text);
  } catch {
    return true; // A pattern this browser cannot read is the server's to judge.
  }
}

/** Visits every enabled node with its row; rows of a repeating group are visited one by one. */
export function walkEnabled(
  form: Form, responses: Responses, enabled: Enablement, visit: (node: Node, rows: RowPath) => void,
): void {
  const walk = (nodes: Node[], rows: RowPath) => {
    for (const node of nodes) {
      if (!enabled.isEnabled(node, rows)) continue;
      visit(node, rows);
      if (!isRepeatingGroup(node.item)) {
        walk(node.children, rows);
        continue;
      }
      rowsOf(responsesAt(responses, rows)?.[node.item.linkId]).forEach((_, index) => {
        walk(node.children, [...rows, { linkId: node.item.linkId, index }]);
      });
    }
  };
  walk(form.roots, []);
}

/** Everything that is wrong, in reading order. */
export function checkForm(form: Form, responses: Responses): Problem[] {
  const problems: Problem[] = [];
  const enabled = evaluateEnableWhen(form, responses);
  walkEnabled(form, responses, enabled, (node, rows) => {
    const scope = responsesAt(responses, rows);
    const value = scope?.[node.item.linkId];
    if (isQuestion(node)) {
      const problem = checkQuestion(form, node, value, rows);
      if (problem && !(problem.code === 'required' && isFollowUpToNothing(node, scope))) problems.push(problem);
    } else if (node.item.type === 'group' && node.item.required && !isRepeatingGroup(node.item)) {
      if (!hasAnswer(node, scope)) problems.push({ linkId: node.item.linkId, rows, code: 'required' });
    } else if (isRepeatingGroup(node.item)) {
      const problem = checkRows(node, value, rows);
      if (problem) problems.push(problem);
    }
  });
  return problems;
}

/** Whether anything below a required group was answered. */
function hasAnswer(node: Node, scope: Responses | undefined): boolean {
  return node.children.some((child) => isAnswered(scope?.[child.item.linkId]) || hasAnswer(child, scope));
}

function checkRows(node: Node, value: Responses[string] | undefined, rows: RowPath): Problem | undefined {
  const { minOccurs, maxOccurs } = limitsOf(node.item);
  const count = rowsOf(value).filter((row) => Object.values(row).some((v) => isAnswered(v))).length;
  if (count === 0 && node.item.required) return { linkId: node.item.linkId, rows, code: 'required' };
  if (count > 0 && minOccurs !== undefined && count < minOccurs) return { linkId: node.item.linkId, rows, code: 'min_occurs', min: minOccurs };
  if (maxOccurs !== undefined && count > maxOccurs) return { linkId: node.item.linkId, rows, code: 'max_occurs', max: maxOccurs };
  return undefined;
}

/**
 * What may be sent: answered, enabled, answerable. Empty rows and the answers
 * to questions that have since been disabled stay behind.
 */
export function sendableResponses(form: Form, responses: Responses): Responses {
  const enabled = evaluateEnableWhen(form, responses);
  const take = (nodes: Node[], from: Responses, rows: RowPath, into: Responses): Responses => {
    for (const node of nodes) {
      if (!enabled.isEnabled(node, rows)) continue;
      const { linkId } = node.item;
      if (isRepeatingGroup(node.item)) {
        const kept = rowsOf(from[linkId])
          .map((row, index) => take(node.children, row, [...rows, { linkId, index }], {}))
          .filter((row) => Object.keys(row).length > 0);
        if (kept.length > 0) into[linkId] = kept;
        continue;
      }
      const value = from[linkId];
      if (isQuestion(node) && value !== undefined && isAnswered(value)) into[linkId] = tidy(node.item, value);
      take(node.children, from, rows, into);
    }
    return into;
  };
  return take(form.roots, responses, [], {});
}

/**
 * What of it can be kept as a draft: half-typed numbers and other slips stay on the page, so that one of them does
 * not keep the rest from being saved.
 */
export function savableResponses(form: Form, responses: Responses): Responses {
  const keep = (from: Responses): Responses => {
    const kept: Responses = {};
    for (const [linkId, value] of Object.entries(from)) {
      const node = form.byLinkId.get(linkId);
      if (!node) continue;
      if (isRepeatingGroup(node.item)) {
        const rows = rowsOf(value).map(keep).filter((row) => Object.keys(row).length > 0);
        if (rows.length > 0) kept[linkId] = rows;
        continue;
      }
      const sound = answersOf(value).filter((one) => isSound(form, node, one));
      const whole = repeats(node.item) ? sound : sound[0];
      if (whole !== undefined && sound.length > 0 && isSound(form, node, whole)) kept[linkId] = whole;
    }
    return kept;
  };
  return keep(sendableResponses(form, responses));
}

function isSound(form: Form, node: Node, value: Answer | Answer[]): boolean {
  const problem = checkQuestion(form, node, value);
  return problem === undefined || problem.code === 'min_occurs';
}

function tidy(item: Item, value: Responses[string]): Responses[string] {
  const answers = answersOf(value).filter((a) => isAnswered(a)).map((a) => (typeof a === 'string' ? a.trim() : a));
  return repeats(item) ? answers : (answers[0] as Answer);
}

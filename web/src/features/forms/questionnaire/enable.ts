/**
 * Decides which items are enabled (FHIR R4 Questionnaire.item.enableWhen).
 *
 * - An item inside a disabled one is disabled, whatever its own conditions say.
 * - A disabled question counts as unanswered for the conditions of others.
 * - `!=` is the negation of `=`: without an answer nothing is equal, so it holds.
 * - Conditions that run in a circle see the question as unanswered.
 * - Conditions in FHIRPath are not evaluated: such an item is asked.
 */
import { answersOf, initialValue, isCoded, isQuantity, isQuestion, isRepeatingGroup, rowsOf, sameAnswer } from './form';
import type { Form, Node } from './form';
import type { Answer, EnableWhen, Responses } from './types';

/** The repeating-group rows around a place, outermost first: which row of which group. */
export type RowPath = readonly { linkId: string; index: number }[];

export interface Enablement {
  isEnabled(node: Node, rows?: RowPath): boolean;
}

export function evaluateEnableWhen(form: Form, responses: Responses): Enablement {
  const known = new Map<string, boolean>();
  const running = new Set<string>();

  function isEnabled(node: Node, rows: RowPath = []): boolean {
    const key = placeKey(node, rows);
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    if (running.has(key)) return false;
    running.add(key);
    const enabled = (node.parent === undefined || isEnabled(node.parent, rowsAround(node.parent, rows))) && meetsOwn(node, rows);
    running.delete(key);
    known.set(key, enabled);
    return enabled;
  }

  function meetsOwn(node: Node, rows: RowPath): boolean {
    const conditions = node.item.enableWhen ?? [];
    if (conditions.length === 0) return true;
    const holds = (c: EnableWhen) => conditionHolds(c, answersTo(c.question, node, rows));
    return node.item.enableBehavior === 'any' ? conditions.some(holds) : conditions.every(holds);
  }

  function answersTo(linkId: string, from: Node, rows: RowPath): Answer[] {
    const node = form.byLinkId.get(linkId);
    if (node === undefined) return [];
    const place = nearestRows(node, from, rows);
    if (place === undefined || !isEnabled(node, place)) return [];
    // What nobody may answer has the value the questionnaire gives it.
    if (!isQuestion(node)) return answersOf(initialValue(form, node.item));
    return answersOf(responsesAt(responses, place)?.[linkId]);
  }

  /** Own row first, then the last row before, then the first row after (R4, enableWhen.question). */
  function nearestRows(node: Node, from: Node, rows: RowPath): RowPath | undefined {
    const place: { linkId: string; index: number }[] = [];
    for (const group of repeatingGroupsAround(node)) {
      const own = rows.find((r) => r.linkId === group.item.linkId);
      if (own) {
        place.push(own);
        continue;
      }
      const count = rowsOf(responsesAt(responses, place)?.[group.item.linkId]).length;
      if (count === 0) return undefined;
      place.push({ linkId: group.item.linkId, index: node.order < from.order ? count - 1 : 0 });
    }
    return place;
  }

  return { isEnabled };
}

function placeKey(node: Node, rows: RowPath): string {
  return rows.map((r) => `${r.linkId}#${r.index}/`).join('') + node.item.linkId;
}

function repeatingGroupsAround(node: Node): Node[] {
  const groups: Node[] = [];
  for (let n = node.parent; n !== undefined; n = n.parent) if (isRepeatingGroup(n.item)) groups.unshift(n);
  return groups;
}

/** A repeating group itself stands outside its own rows. */
function rowsAround(node: Node, rows: RowPath): RowPath {
  const groups = repeatingGroupsAround(node);
  return rows.filter((r) => groups.some((g) => g.item.linkId === r.linkId));
}

export function responsesAt(responses: Responses, rows: RowPath): Responses | undefined {
  let at: Responses | undefined = responses;
  for (const { linkId, index } of rows) at = rowsOf(at?.[linkId])[index];
  return at;
}

export function conditionHolds(condition: EnableWhen, answers: Answer[]): boolean {
  const { operator } = condition;
  if (operator === 'exists') return (answers.length > 0) === (condition.answerBoolean ?? true);
  const wanted = wantedAnswer(condition);
  if (wanted === undefined) return false;
  const equal = (a: Answer) => sameAnswer(normalise(a), normalise(wanted));
  if (operator === '=') return answers.some(equal);
  if (operator === '!=') return !answers.some(equal);
  return answers.some((a) => {
    const order = compareAnswers(a, wanted);
    if (order === undefined) return false;
    return operator === '>' ? order > 0 : operator === '>=' ? order >= 0 : operator === '<' ? order < 0 : order <= 0;
  });
}

function wantedAnswer(c: EnableWhen): Answer | undefined {
  if (c.answerCoding) return { system: c.answerCoding.system, code: c.answerCoding.code };
  if (c.answerQuantity) return { value: c.answerQuantity.value, unit: c.answerQuantity.unit ?? c.answerQuantity.code ?? '' };
  return c.answerBoolean ?? c.answerDecimal ?? c.answerInteger ?? c.answerDate ?? c.answerDateTime ?? c.answerTime ?? c.answerString;
}

const TIME = /^\d{2}:\d{2}$/;
const DATE = /^\d{4}(-\d{2}(-\d{2}(T.*)?)?)?$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/;

/** "10:30" and "10:30:00" are one time, and two spellings of one instant are one instant. */
function normalise(answer: Answer): Answer {
  if (typeof answer !== 'string') return answer;
  if (TIME.test(answer)) return `${answer}:00`;
  return INSTANT.test(answer) && !Number.isNaN(Date.parse(answer)) ? new Date(answer).toISOString() : answer;
}

/** Negative, zero or positive; undefined when the two cannot be put in order. */
export function compareAnswers(a: Answer, b: Answer): number | undefined {
  const [x, y] = [normalise(a), normalise(b)];
  if (typeof x === 'number' && typeof y === 'number') return x - y;
  if (typeof x === 'string' && typeof y === 'string') {
    // ISO dates sort as text as far as both go; 2022-09 is neither before nor after 2022-09-20.
    const vague = DATE.test(x) && DATE.test(y) && x.length !== y.length && (x.startsWith(y) || y.startsWith(x));
    return vague ? undefined : x < y ? -1 : x > y ? 1 : 0;
  }
  if (isQuantity(x) && isQuantity(y)) return x.unit === y.unit ? x.value - y.value : undefined;
  if (isCoded(x) && isCoded(y)) return undefined;
  return undefined;
}

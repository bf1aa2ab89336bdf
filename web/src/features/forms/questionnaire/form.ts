/**
 * Reads a Questionnaire once into a tree that the page can ask about: which
 * items are questions, what may be answered, in whose words.
 *
 * Nothing here knows React or the network. The server checks every answer
 * again; these rules exist so that a person hears about a slip at once.
 */
import type {
  Answer, AnswerOption, CodedAnswer, Coding, Extension, Initial, Item, PrimitiveExtensions,
  Questionnaire, Responses, ValueSet,
} from './types';

const SD = 'http://hl7.org/fhir/StructureDefinition/';
const SDC = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/';
const HIDDEN = SD + 'questionnaire-hidden';
const CALCULATED = SDC + 'sdc-questionnaire-calculatedExpression';
const ITEM_CONTROL = SD + 'questionnaire-itemControl';
const OPTION_PREFIX = SD + 'questionnaire-optionPrefix';
const UNIT = SD + 'questionnaire-unit';
const ENABLE_EXPRESSION = SDC + 'sdc-questionnaire-enableWhenExpression';
const EXCLUSIVE = SD + 'questionnaire-optionExclusive';
const UNIT_OPTION = SD + 'questionnaire-unitOption';
const ORDINAL_VALUES = [SD + 'ordinalValue', SD + 'itemWeight'];
const TRANSLATION = SD + 'translation';
const LOINC = 'http://loinc.org';

/** One item in its place. `row` is the nearest repeating group around it, if any. */
export interface Node {
  item: Item;
  parent?: Node;
  row?: Node;
  children: Node[];
  /** Position in reading order, over the whole form. */
  order: number;
}

export interface Form {
  questionnaire: Questionnaire;
  /** The language its texts are in: what it says itself, else what the clinic writes in. */
  language?: string;
  roots: Node[];
  byLinkId: Map<string, Node>;
}

/** A choice as it is offered: `answer` is what travels, `coding` carries its translations. */
export interface Option {
  /** Stable within one question, usable as an input's value. */
  key: string;
  answer: CodedAnswer | string | number;
  coding?: Coding;
  prefix?: string;
  score?: number;
  /** "None of these": may not be chosen beside others. */
  exclusive?: boolean;
}

export function readQuestionnaire(questionnaire: Questionnaire, clinicLanguage?: string): Form {
  const byLinkId = new Map<string, Node>();
  let order = 0;
  const read = (items: Item[] | undefined, parent: Node | undefined, row: Node | undefined): Node[] =>
    (items ?? []).map((item) => {
      const node: Node = { item, parent, row, children: [], order: order++ };
      byLinkId.set(item.linkId, node);
      node.children = read(item.item, node, isRepeatingGroup(item) ? node : row);
      return node;
    });
  return { questionnaire, language: questionnaire.language ?? clinicLanguage, roots: read(questionnaire.item, undefined, undefined), byLinkId };
}

function extension(element: { extension?: Extension[] } | undefined, url: string): Extension | undefined {
  return element?.extension?.find((e) => e.url === url);
}

export function repeats(item: Item): boolean {
  return item.repeats === true || item.repeats === 'true';
}

export function isRepeatingGroup(item: Item): boolean {
  return item.type === 'group' && repeats(item);
}

/** Hidden items, and everything inside a hidden group, are never shown or asked. */
export function isHidden(node: Node): boolean {
  return extension(node.item, HIDDEN)?.valueBoolean === true || (node.parent !== undefined && isHidden(node.parent));
}

/** Read-only holds for everything inside as well. */
function isReadOnly(node: Node): boolean {
  return node.item.readOnly === true || (node.parent !== undefined && isReadOnly(node.parent));
}

/** Shown by an expression that nobody evaluates: always asked, and never required. */
export function isUndecided(item: Item): boolean {
  return extension(item, ENABLE_EXPRESSION) !== undefined;
}

/** A calculated item's value is the server's to work out. */
export function isCalculated(item: Item): boolean {
  return extension(item, CALCULATED) !== undefined;
}

/** True for what a person may answer; such linkIds are the only ones that are ever sent. */
export function isQuestion(node: Node): boolean {
  const { type } = node.item;
  return type !== 'group' && type !== 'display' && !isReadOnly(node) && !isCalculated(node.item) && !isHidden(node);
}

export function itemControl(item: Item): string | undefined {
  const concept = extension(item, ITEM_CONTROL)?.valueCodeableConcept as { coding?: Coding[] } | undefined;
  return concept?.coding?.[0]?.code;
}

export function hasLoinc(codes: Coding[] | undefined, code: string): boolean {
  return (codes ?? []).some((c) => c.code === code && (c.system === undefined || c.system === LOINC));
}

// Words

export interface Words {
  text: string;
  /** The language the text is in, when the questionnaire says so. */
  lang?: string;
}

/** The item's own text, or the translation that the questionnaire itself carries for `lang`. */
export function wordsOf(form: Form, text: string | undefined, twin: PrimitiveExtensions | undefined, lang: string): Words {
  for (const e of twin?.extension ?? []) {
    if (e.url !== TRANSLATION) continue;
    const parts = e.extension as Extension[] | undefined;
    const code = parts?.find((p) => p.url === 'lang')?.valueCode;
    const content = parts?.find((p) => p.url === 'content')?.valueString ?? parts?.find((p) => p.url === 'content')?.valueMarkdown;
    if (typeof content === 'string' && typeof code === 'string' && baseLanguage(code) === baseLanguage(lang)) {
      return { text: content, lang: code };
    }
  }
  return { text: text ?? '', lang: form.language };
}

export function baseLanguage(tag: string): string {
  return tag.toLowerCase().split('-')[0] ?? '';
}

export function itemWords(form: Form, item: Item, lang: string): Words {
  const words = wordsOf(form, item.text, item._text, lang);
  return item.prefix ? { ...words, text: `${item.prefix} ${words.text}` } : words;
}

export function optionWords(form: Form, option: Option, lang: string): Words {
  if (typeof option.answer === 'object') {
    return wordsOf(form, option.answer.display ?? option.answer.code, option.coding?._display, lang);
  }
  return { text: String(option.answer), lang: form.language };
}

// Choices

/** The choices of a question: its own list, or a value set contained in the questionnaire. */
export function optionsOf(form: Form, item: Item): Option[] {
  const own = (item.answerOption ?? []).map((o) => optionFrom(o)).filter((o) => o !== undefined);
  return own.length > 0 ? own : optionsFromValueSet(form, item.answerValueSet);
}

function optionFrom(source: AnswerOption): Option | undefined {
  const prefix = extension(source, OPTION_PREFIX)?.valueString as string | undefined;
  const exclusive = extension(source, EXCLUSIVE)?.valueBoolean === true || undefined;
  const score = ordinal(source) ?? ordinal(source.valueCoding as { extension?: Extension[] } | undefined);
  if (source.valueCoding) {
    const coding = source.valueCoding;
    return { key: `${coding.system ?? ''}|${coding.code ?? coding.display}`, answer: codedAnswer(coding), coding, prefix, score, exclusive };
  }
  const plain = source.valueString ?? source.valueInteger ?? source.valueDate ?? source.valueTime;
  return plain === undefined ? undefined : { key: String(plain), answer: plain, prefix, score, exclusive };
}

function ordinal(element: { extension?: Extension[] } | undefined): number | undefined {
  for (const url of ORDINAL_VALUES) {
    const value = extension(element, url)?.valueDecimal;
    if (value !== undefined) return Number(value);
  }
  return undefined;
}

function codedAnswer(coding: Coding): CodedAnswer {
  const answer: CodedAnswer = { code: coding.code };
  if (coding.system !== undefined) answer.system = coding.system;
  if (coding.display !== undefined) answer.display = coding.display;
  return answer;
}

function optionsFromValueSet(form: Form, reference: string | undefined): Option[] {
  if (reference === undefined) return [];
  const set = (form.questionnaire.contained ?? []).find((r) => {
    const candidate = r as unknown as ValueSet;
    return r.resourceType === 'ValueSet' && (reference === `#${candidate.id}` || reference === candidate.url);
  }) as unknown as ValueSet | undefined;
  const codings: Coding[] = [];
  for (const c of set?.expansion?.contains ?? []) {
    if (c.code !== undefined && !c.abstract) codings.push({ system: c.system, code: c.code, display: c.display });
  }
  if (codings.length === 0) {
    for (const include of set?.compose?.include ?? []) {
      for (const c of include.concept ?? []) codings.push({ system: include.system, ...c });
    }
  }
  return codings.map((coding) => ({ key: `${coding.system ?? ''}|${coding.code}`, answer: codedAnswer(coding), coding }));
}

/** The choice that an answer stands for, or undefined for a person's own words. */
export function findOption(options: Option[], answer: Answer | undefined): Option | undefined {
  if (answer === undefined) return undefined;
  return options.find((o) => sameAnswer(o.answer, answer));
}

/** Codes agree when they are equal and neither side names a different system. */
export function sameAnswer(a: Answer, b: Answer): boolean {
  if (isCoded(a) && isCoded(b)) {
    return a.code === b.code && (a.system === undefined || b.system === undefined || a.system === b.system);
  }
  if (isQuantity(a) && isQuantity(b)) return a.value === b.value && a.unit === b.unit;
  return a === b;
}

export function isCoded(answer: unknown): answer is CodedAnswer {
  return typeof answer === 'object' && answer !== null && 'code' in answer;
}

export function isQuantity(answer: unknown): answer is { value: number; unit: string } {
  return typeof answer === 'object' && answer !== null && 'value' in answer;
}

/** The units a quantity or number is given in; the first is the one to begin with. */
export function unitsOf(item: Item): string[] {
  const units = (item.extension ?? []).filter((e) => e.url === UNIT || e.url === UNIT_OPTION);
  const names = units.map((e) => {
    const coding = e.valueCoding as Coding | undefined;
    // "{score}" is an annotation, not a unit anybody writes.
    return [coding?.display, coding?.code].find((name) => name !== undefined && !name.startsWith('{')) ?? '';
  });
  const initial = item.initial?.[0]?.valueQuantity?.unit;
  return [...new Set([...(initial ? [initial] : []), ...names])].filter((name) => name !== '');
}

// What is in the answers

export function isAnswered(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'string') return value.trim() !== '';
  if (Array.isArray(value)) return value.some((v) => isAnswered(v));
  return true;
}

export function answersOf(value: Responses[string] | undefined): Answer[] {
  if (!isAnswered(value)) return [];
  return (Array.isArray(value) ? value : [value]) as Answer[];
}

export function rowsOf(value: Responses[string] | undefined): Responses[] {
  return Array.isArray(value) ? (value as Responses[]) : [];
}

/** What the questionnaire fills in before anybody has answered. */
export function initialResponses(form: Form): Responses {
  const fill = (nodes: Node[], into: Responses): Responses => {
    for (const node of nodes) {
      if (isRepeatingGroup(node.item)) {
        const first = fill(node.children, {});
        if (Object.keys(first).length > 0) into[node.item.linkId] = [first];
        continue;
      }
      const value = initialValue(form, node.item);
      if (value !== undefined && isQuestion(node)) into[node.item.linkId] = value;
      fill(node.children, into);
    }
    return into;
  };
  return fill(form.roots, {});
}

/** An item's fixed or suggested value; for read-only and hidden items it is the whole answer. */
export function initialValue(form: Form, item: Item): Answer | Answer[] | undefined {
  const given = (item.initial ?? []).map(plainInitial).filter((v) => v !== undefined);
  const chosen = (item.answerOption ?? []).filter((o) => o.initialSelected).map((o) => optionFrom(o)?.answer).filter((v) => v !== undefined);
  const values = (given.length > 0 ? given : chosen).map((value) => {
    // An initial coding may leave out the display; the answer should read like the choice.
    const option = isCoded(value) ? findOption(optionsOf(form, item), value) : undefined;
    return option ? option.answer : value;
  });
  if (values.length === 0) return undefined;
  return repeats(item) ? values : values[0];
}

function plainInitial(initial: Initial): Answer | undefined {
  if (initial.valueCoding) return codedAnswer(initial.valueCoding);
  if (initial.valueQuantity) return { value: initial.valueQuantity.value, unit: initial.valueQuantity.unit ?? initial.valueQuantity.code ?? '' };
  return initial.valueBoolean ?? initial.valueDecimal ?? initial.valueInteger ?? initial.valueDate ?? initial.valueDateTime
    ?? initial.valueTime ?? initial.valueString ?? initial.valueUri;
}

// Measures that need particular care

const SELF_HARM_ITEM = '44260-8';
const NOT_AT_ALL = 'LA6568-5';
/** PHQ-9, GAD-7, PHQ-2, Edinburgh Postnatal Depression Scale. */
const MOOD_PANELS = ['44249-1', '69737-5', '55757-9', '71354-5'];

/** PHQ-9 item 9, "thoughts that you would be better off dead": any answer above zero. */
export function isSelfHarmAnswer(form: Form, item: Item, answer: Responses[string] | undefined): boolean {
  if (!hasLoinc(item.code, SELF_HARM_ITEM)) return false;
  const options = optionsOf(form, item);
  return answersOf(answer).some((given) => {
    const option = findOption(options, given);
    if (option?.score !== undefined) return option.score > 0;
    if (isCoded(given)) return given.code !== NOT_AT_ALL;
    return typeof given === 'number' && given > 0;
  });
}

/** Forms with a mood measure carry the crisis note on every screen. */
export function isMoodMeasure(form: Form): boolean {
  return MOOD_PANELS.some((code) => hasLoinc(form.questionnaire.code, code))
    || [...form.byLinkId.values()].some((n) => hasLoinc(n.item.code, SELF_HARM_ITEM));
}

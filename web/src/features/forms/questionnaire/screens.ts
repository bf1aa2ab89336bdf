/**
 * Cuts a form into screens: one question each, in reading order. A repeating
 * group is one screen with its rows. A short text stands above the question
 * that follows it; a long one is a screen to read.
 */
import { evaluateEnableWhen } from './enable';
import { isAnswered, isHidden, isQuestion, isRepeatingGroup, rowsOf } from './form';
import type { Form, Node } from './form';
import type { Responses } from './types';
import { checkForm } from './validate';

export interface Screen {
  /** linkId of the question or repeating group; of the first text on a screen to read. */
  id: string;
  /** The question or repeating group; undefined on a screen to read. */
  node?: Node;
  /** Headings and texts above the question, or the texts to read. */
  stem: Node[];
  /** Help and texts that belong to the question, or close the form. */
  after: Node[];
}

export interface QuestionScreen extends Screen {
  node: Node;
}

export function asksSomething(screen: Screen): screen is QuestionScreen {
  return screen.node !== undefined;
}

/** More characters of text than this are read on their own, before the question. */
const LONG_TEXT = 240;

export function listScreens(form: Form, responses: Responses): Screen[] {
  const { isEnabled } = evaluateEnableWhen(form, responses);
  const shown = (node: Node) => !isHidden(node) && isEnabled(node);
  const screens: Screen[] = [];
  // Headings and texts that wait for the question they stand above.
  let waiting: Node[] = [];

  const ask = (node: Node, groups: Node[]) => {
    const texts = waiting.filter(isText);
    if (texts.reduce((length, text) => length + (text.item.text ?? '').length, 0) > LONG_TEXT) {
      const end = waiting.lastIndexOf(texts[texts.length - 1] as Node) + 1;
      screens.push({ id: (texts[0] as Node).item.linkId, stem: waiting.slice(0, end), after: [] });
      waiting = waiting.slice(end);
    }
    const help = node.item.type === 'group' ? [] : node.children.filter((child) => isText(child) && shown(child));
    const headings = groups.filter((group) => hasWords(group) && !waiting.includes(group));
    screens.push({ id: node.item.linkId, node, stem: [...headings, ...waiting], after: help });
    waiting = [];
  };

  const walk = (nodes: Node[], groups: Node[]) => {
    for (const node of nodes) {
      if (!shown(node)) continue;
      if (isRepeatingGroup(node.item)) {
        if (containsQuestion(node)) ask(node, groups);
      } else if (isQuestion(node)) {
        ask(node, groups);
        walk(node.children.filter((child) => !isText(child)), groups);
      } else if (isText(node)) {
        if (hasWords(node)) waiting.push(node);
      } else {
        if (node.item.type === 'group' && hasWords(node)) waiting.push(node);
        walk(node.children, node.item.type === 'group' ? [...groups, node] : groups);
        // A heading that nothing stood under.
        if (waiting[waiting.length - 1] === node) waiting.pop();
      }
    }
  };
  walk(form.roots, []);

  const last = screens[screens.length - 1];
  if (last) last.after = [...last.after, ...waiting.filter(isText)];
  return screens;
}

function isText(node: Node): boolean {
  return node.item.type === 'display';
}

function hasWords(node: Node): boolean {
  return (node.item.text ?? '').trim() !== '';
}

function containsQuestion(node: Node): boolean {
  return node.children.some((child) => isQuestion(child) || containsQuestion(child));
}

/** Where to go on: the first question that is unanswered or wrong, with what is to be read before it; past the end when there is none. */
export function resumeAt(form: Form, responses: Responses): number {
  const screens = listScreens(form, responses);
  const wrong = new Set(checkForm(form, responses).flatMap((p) => [p.linkId, ...p.rows.map((r) => r.linkId)]));
  let index = screens.findIndex((s) => asksSomething(s) && (wrong.has(s.id) || !isScreenAnswered(s, responses)));
  if (index === -1) return screens.length;
  while (index > 0 && screens[index - 1]?.node === undefined) index -= 1;
  return index;
}

function isScreenAnswered(screen: QuestionScreen, responses: Responses): boolean {
  const value = responses[screen.id];
  return screen.node.item.type === 'group'
    ? rowsOf(value).some((row) => Object.values(row).some((v) => isAnswered(v)))
    : isAnswered(value);
}

/** The screen that asks a linkId: its own, its repeating group's, or a group's first. -1 when it is not asked now. */
export function screenOf(form: Form, screens: Screen[], linkId: string): number {
  for (let node = form.byLinkId.get(linkId); node !== undefined; node = node.parent) {
    const id = node.item.linkId;
    const index = screens.findIndex((s) => s.id === id && asksSomething(s));
    if (index !== -1) return index;
  }
  return screens.findIndex((s) => asksSomething(s) && isBelow(s.node, linkId));
}

function isBelow(node: Node, linkId: string): boolean {
  return node.parent !== undefined && (node.parent.item.linkId === linkId || isBelow(node.parent, linkId));
}

/** The whole text of a form in reading order, for the person who signs it. */
export function readingOrder(form: Form, responses: Responses): Node[] {
  const { isEnabled } = evaluateEnableWhen(form, responses);
  const nodes: Node[] = [];
  const walk = (from: Node[]) => {
    for (const node of from) {
      if (isHidden(node) || !isEnabled(node)) continue;
      nodes.push(node);
      if (!isRepeatingGroup(node.item)) walk(node.children);
    }
  };
  walk(form.roots);
  return nodes;
}

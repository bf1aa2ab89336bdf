import { cloneElement, createElement, Fragment, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import { deviceStore, keys } from './storage';

/**
 * Two languages, one dictionary per feature. A feature's words load with its code: the first page does not
 * carry the words of the payment page.
 */
export const languages = ['en', 'es'] as const;
export type Language = (typeof languages)[number];
export const languageNames: Record<Language, string> = { en: 'English', es: 'Español' };

function isLanguage(value: string | null | undefined): value is Language {
  return languages.includes(value as Language);
}

function initialLanguage(): Language {
  const chosen = deviceStore.get(keys.language);
  if (isLanguage(chosen)) return chosen;
  const wished = navigator.languages.map((one) => one.slice(0, 2)).find(isLanguage);
  return wished ?? 'en';
}

let current = initialLanguage();
const listeners = new Set<() => void>();

function showLanguage(): void {
  document.documentElement.lang = current;
}
showLanguage();

/** Calls back when the person chose the other language. */
export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function useLanguage(): Language {
  return useSyncExternalStore(onLanguage, () => current);
}

/** Changes the language of the page and remembers it on this device. */
export function setLanguage(language: Language): void {
  deviceStore.set(keys.language, language);
  if (language === current) return;
  current = language;
  showLanguage();
  for (const listener of listeners) listener();
}

type Dictionary = Record<string, string>;
/** "todo_one" and "todo_other" are asked for as "todo" with a count. */
type Key<D extends Dictionary> = { [K in keyof D & string]: K extends `${infer Base}_${'one' | 'other'}` ? Base : K }[keyof D & string];
type Values = Record<string, string | number> & { count?: number };

export interface Words<D extends Dictionary> {
  t: (key: Key<D>, values?: Values) => string;
  /** For sentences with a link or emphasis in them: `<a>here</a>` in the text becomes `parts.a`. */
  rich: (key: Key<D>, parts: Record<string, ReactElement>, values?: Values) => ReactNode;
  language: Language;
}

/** "3:20 p. m." at the end of a Spanish sentence brings its own full stop. */
function oneStop(text: string): string {
  return text.replace(/m\.\.(?=\s|$)/g, 'm.');
}

/** The sentence itself; with a count, the one for so many (CLDR plural rules). */
function sentenceOf(words: Dictionary, key: string, plural: Intl.PluralRules, count?: number): string {
  const counted = count === undefined ? undefined : (words[`${key}_${plural.select(count)}`] ?? words[`${key}_other`]);
  return counted ?? words[key] ?? key;
}

/** "{name}" becomes the value of that name. React escapes what it shows. */
function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/**
 * Gives the hook that reads a feature's words.
 * The Spanish dictionary must have exactly the English keys: a missing translation does not compile.
 */
export function defineWords<const D extends Dictionary>(_feature: string, en: D, es: Record<keyof D, string>): () => Words<D> {
  const wordsOf = (language: Language, dictionary: Dictionary): Words<D> => {
    const plural = new Intl.PluralRules(language);
    const said = (key: string, values?: Values) => sentenceOf(dictionary, key, plural, values?.count);
    return {
      t: (key, values) => oneStop(fill(said(key, values), values)),
      // The sentence is taken apart before the values go in: no value can pass for a tag.
      rich: (key, parts, values) => withParts(said(key, values), parts, (piece) => fill(piece, values)),
      language,
    };
  };
  const words = { en: wordsOf('en', en), es: wordsOf('es', es) };
  return function useWords() {
    return words[useLanguage()];
  };
}

/** "Call <a>us</a> now" with parts { a: <Link/> }: the words between the tags become the element's children. */
function withParts(text: string, parts: Record<string, ReactElement>, fill: (piece: string) => string): ReactNode {
  return text.split(/(<\w+>.*?<\/\w+>)/).map((piece, index) => {
    const [, name, inner] = /^<(\w+)>(.*)<\/\1>$/.exec(piece) ?? [];
    const part = name ? parts[name] : undefined;
    return part ? cloneElement(part, { key: index }, fill(inner ?? '')) : createElement(Fragment, { key: index }, fill(piece));
  });
}

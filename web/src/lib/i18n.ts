import i18next from 'i18next';
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

void i18next.init({
  lng: initialLanguage(),
  fallbackLng: 'en',
  supportedLngs: languages,
  resources: {},
  // Keys are flat ("home.title"), text is escaped by React.
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false, prefix: '{', suffix: '}' },
  initAsync: false,
});

function showLanguage(language: string): void {
  document.documentElement.lang = language;
}
showLanguage(i18next.language);
i18next.on('languageChanged', showLanguage);

function onChange(listener: () => void): () => void {
  i18next.on('languageChanged', listener);
  return () => i18next.off('languageChanged', listener);
}

export function useLanguage(): Language {
  return useSyncExternalStore(onChange, () => i18next.language as Language);
}

/** Changes the language of the page and remembers it on this device. */
export async function setLanguage(language: Language): Promise<void> {
  deviceStore.set(keys.language, language);
  await i18next.changeLanguage(language);
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

/**
 * Registers a feature's words and gives the hook that reads them.
 * The Spanish dictionary must have exactly the English keys: a missing translation does not compile.
 */
export function defineWords<const D extends Dictionary>(feature: string, en: D, es: Record<keyof D, string>): () => Words<D> {
  i18next.addResourceBundle('en', feature, en, true, true);
  i18next.addResourceBundle('es', feature, es, true, true);
  const wordsOf = (language: Language): Words<D> => {
    const t: Words<D>['t'] = (key, values) => oneStop(i18next.t(key, { ns: feature, lng: language, ...values }));
    return {
      t,
      // The sentence is taken apart before the values go in: no value can pass for a tag.
      rich: (key, parts, values) =>
        withParts(i18next.t(key, { ns: feature, lng: language, count: values?.count, skipInterpolation: true }), parts, (piece) =>
          i18next.services.interpolator.interpolate(piece, values ?? {}, language, {}),
        ),
      language,
    };
  };
  const words = { en: wordsOf('en'), es: wordsOf('es') };
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

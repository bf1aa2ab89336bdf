import type { ReactNode } from 'react';
import { useLanguage } from '@/lib/i18n';
import { baseLanguage, type Words } from './questionnaire/form';
import { useFormWords } from './words';

/** The clinic's text in its own language, said so when that is not the page's. `note` adds "(in English)". */
export function ClinicText({ words, note }: { words: Words; note?: boolean }): ReactNode {
  const { t } = useFormWords();
  const language = useLanguage();
  const own = words.lang ? baseLanguage(words.lang) : language;
  if (own === language) return words.text;
  const name = own === 'en' ? t('inEnglish') : own === 'es' ? t('inSpanish') : undefined;
  return (
    <>
      <span lang={words.lang}>{words.text}</span>
      {note && name && <span className="text-sm font-normal text-ink-2"> {name}</span>}
    </>
  );
}

/** Longer text of the clinic: its blank lines make paragraphs. Text is text, never markup. */
export function ClinicParagraphs({ words, className }: { words: Words; className?: string }) {
  return words.text.split(/\n\s*\n/).map((paragraph, index) => (
    <p key={index} className={className}>
      <ClinicText words={{ ...words, text: paragraph }} />
    </p>
  ));
}

import { Phone } from 'lucide-react';
import { Fragment, type ReactNode } from 'react';
import { useConfig } from '@/lib/config';
import { IconDisc } from './Icon';
import { standardCrisisText, useComponentWords } from './words';

/** Numbers in the clinic's crisis text that can be dialled. */
function withNumbers(text: string): ReactNode {
  return text.split(/(\b(?:988|911|112|999|000)\b)/).map((piece, index) =>
    index % 2 === 1 ? (
      <a key={index} className="link" href={`tel:${piece}`}>
        {piece}
      </a>
    ) : (
      <Fragment key={index}>{piece}</Fragment>
    ),
  );
}

/**
 * Where to turn in an emergency, in the clinic's own words. Neutral, never red, never dismissible.
 * On home, on messages, and on every form with a mood measure.
 */
export function CrisisNote({ heading = true, children }: { heading?: boolean; children?: string }) {
  const { t } = useComponentWords();
  const { crisisText } = useConfig();
  // The standard wording has an approved translation; a clinic's own is shown as written.
  const text = children ?? (!crisisText || crisisText === standardCrisisText ? t('crisis') : crisisText);
  return (
    <div className="grid grid-cols-[auto_1fr] items-start gap-3">
      <IconDisc of={Phone} small />
      <div>
        {heading && <h2 className="text-md leading-(--lh-md) font-semibold tracking-normal">{t('help')}</h2>}
        <p className="text-sm text-ink-2">{withNumbers(text)}</p>
      </div>
    </div>
  );
}

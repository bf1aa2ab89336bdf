import { useEffect, useRef, type MouseEvent } from 'react';
import type { Problem } from '@/lib/forms';
import { useComponentWords } from './words';

/**
 * What is wrong with a form, each line a link to its field. Render it only after a failed submit and give
 * `submitCount` as its key, so that each failed try moves the focus here again.
 */
export function ErrorSummary({ problems }: { problems: Problem[] }) {
  const { t } = useComponentWords();
  const box = useRef<HTMLDivElement>(null);
  const shown = problems.length > 0;

  useEffect(() => {
    if (!shown) return;
    box.current?.focus();
    const title = document.title;
    document.title = t('errorTitle', { title });
    return () => {
      document.title = title;
    };
    // Only appearing and disappearing matter; the list changes while the person mends it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shown]);

  if (!shown) return null;

  const goTo = (event: MouseEvent, id: string) => {
    event.preventDefault();
    document.getElementById(id)?.focus();
  };
  return (
    <div ref={box} tabIndex={-1} role="group" aria-labelledby="error-summary" className="mb-6 rounded-md border-2 border-danger bg-danger-bg p-5">
      <h2 id="error-summary">{t('summary', { count: problems.length })}</h2>
      <ul className="mt-2 grid gap-1">
        {problems.map((problem) => (
          <li key={problem.id}>
            <a href={`#${problem.id}`} onClick={(event) => goTo(event, problem.id)} className="link inline-block py-1 text-danger">
              {problem.message}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

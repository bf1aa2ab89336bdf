import type { ReactNode } from 'react';
import { cx } from '@/components/cx';
import { useFormat } from '@/lib/format';
import { useLanguage } from '@/lib/i18n';
import { answerWords } from './answerWords';
import { ClinicText } from './ClinicText';
import { evaluateEnableWhen, responsesAt, type RowPath } from './questionnaire/enable';
import { answersOf, isHidden, isQuestion, isRepeatingGroup, itemWords, rowsOf, type Form, type Node } from './questionnaire/form';
import type { QuestionScreen } from './questionnaire/screens';
import type { Responses } from './questionnaire/types';
import { useFormWords } from './words';

interface CheckAnswersProps {
  form: Form;
  screens: QuestionScreen[];
  responses: Responses;
  /** Sentences by linkId of the screen. */
  problems: Record<string, string>;
  onChange: (screen: QuestionScreen) => void;
}

/** Every question with its answer and a way back to it. */
export function CheckAnswers({ form, screens, responses, problems, onChange }: CheckAnswersProps) {
  const { t } = useFormWords();
  const language = useLanguage();
  return (
    <dl className="divide-y divide-line rounded-lg border border-line bg-surface px-5 lg:px-6">
      {screens.map((screen) => {
        const words = itemWords(form, screen.node.item, language);
        const problem = problems[screen.id];
        return (
          <div key={screen.id} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 py-4">
            <dt className="text-sm text-ink-2">
              <ClinicText words={words} />
            </dt>
            <dd className={cx('col-start-1 min-w-0', problem && 'font-semibold text-danger')}>{problem ?? <AnswerOf form={form} node={screen.node} responses={responses} />}</dd>
            <dd className="col-start-2 row-span-2 row-start-1 -mt-2.5">
              <button type="button" id={`change-${screen.node.order}`} className="link min-h-11" onClick={() => onChange(screen)}>
                <span aria-hidden>{t('change')}</span>
                <span className="sr-only">{t('changeWhat', { question: words.text })}</span>
              </button>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** What was answered, in words; for a repeating group, row by row. */
export function AnswerOf({ form, node, responses, rows = [] }: { form: Form; node: Node; responses: Responses; rows?: RowPath }): ReactNode {
  const { t } = useFormWords();
  const format = useFormat();
  const language = useLanguage();
  const value = responsesAt(responses, rows)?.[node.item.linkId];
  if (isRepeatingGroup(node.item)) {
    const list = rowsOf(value);
    if (list.length === 0) return <span className="text-ink-2">{t('noAnswer')}</span>;
    return (
      <ol className="grid gap-3">
        {list.map((_, index) => {
          const inner = [...rows, { linkId: node.item.linkId, index }];
          return (
            <li key={index} className="grid gap-1">
              {questionsIn(form, node, responses, inner).map((question) => (
                <span key={question.item.linkId}>
                  <span className="text-sm text-ink-2">
                    <ClinicText words={itemWords(form, question.item, language)} />
                  </span>{' '}
                  <AnswerOf form={form} node={question} responses={responses} rows={inner} />
                </span>
              ))}
            </li>
          );
        })}
      </ol>
    );
  }
  const answers = answersOf(value).map((one) => answerWords(form, node.item, one, format, { yes: t('yes'), no: t('no') }));
  if (answers.length === 0) return <span className="text-ink-2">{t('noAnswer')}</span>;
  return <span className="whitespace-pre-line">{answers.join(', ')}</span>;
}

/** The questions and inner repeating groups of one row that are asked. */
function questionsIn(form: Form, group: Node, responses: Responses, rows: RowPath): Node[] {
  const { isEnabled } = evaluateEnableWhen(form, responses);
  const collect = (nodes: Node[]): Node[] =>
    nodes
      .filter((node) => !isHidden(node) && isEnabled(node, rows))
      .flatMap((node) => (isRepeatingGroup(node.item) ? [node] : isQuestion(node) ? [node, ...collect(node.children)] : collect(node.children)));
  return collect(group.children);
}

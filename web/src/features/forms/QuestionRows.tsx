import { Plus, Trash2 } from 'lucide-react';
import { useRef, type ReactNode } from 'react';
import { Button } from '@/components/Button';
import { FieldError } from '@/components/Field';
import { useLanguage } from '@/lib/i18n';
import { fieldId } from './problems';
import { withAnswer } from './questionnaire/edit';
import { evaluateEnableWhen, responsesAt, type RowPath } from './questionnaire/enable';
import { isHidden, isQuestion, isRepeatingGroup, itemWords, rowsOf, type Form, type Node } from './questionnaire/form';
import type { Responses } from './questionnaire/types';
import { Question } from './Question';
import { ClinicText } from './ClinicText';
import { useFormWords } from './words';

interface RowsProps {
  form: Form;
  group: Node;
  /** The rows this group stands in, when it is inside another repeating group. */
  rows?: RowPath;
  responses: Responses;
  onChange: (next: Responses) => void;
  /** By the id of the field. */
  errors: Record<string, string>;
  as: 'h1' | 'h2';
  stem?: ReactNode;
}

/** A repeating group: its questions once per row, rows to add and take away. */
export function QuestionRows({ form, group, rows = [], responses, onChange, errors, as, stem }: RowsProps) {
  const { t } = useFormWords();
  const language = useLanguage();
  const { linkId } = group.item;
  const list = rowsOf(responsesAt(responses, rows)?.[linkId]);
  const count = Math.max(1, list.length);
  const words = itemWords(form, group.item, language);
  const name = words.text.length > 0 && words.text.length <= 40 ? words.text : t('entry');
  const id = fieldId(form, linkId, rows);
  const keys = useRowKeys(count);
  const Heading = as;

  const set = (next: Responses[]) => onChange(withAnswer(responses, rows, linkId, next.length > 0 ? next : undefined));
  const remove = (index: number) => {
    keys.remove(index);
    set(list.filter((_, at) => at !== index));
    document.getElementById(id)?.focus();
  };

  return (
    <div>
      {stem}
      <Heading id={id} tabIndex={-1} className={as === 'h1' ? 'text-[clamp(1.5rem,1.3rem+0.9vw,1.875rem)]' : 'outline-none'}>
        <ClinicText words={words} note />
      </Heading>
      {errors[id] && <FieldError id={`${id}-error`}>{errors[id]}</FieldError>}
      <div className="mt-6 grid gap-8">
        {Array.from({ length: count }, (_, index) => (
          <fieldset key={keys.of(index)} className="border-t border-line pt-5 first:border-0 first:pt-0">
            <legend className="sr-only">{t('rowN', { name, n: index + 1 })}</legend>
            <div className="mb-3 flex items-center justify-between gap-4">
              <span aria-hidden className="text-lg font-semibold">
                {t('rowN', { name, n: index + 1 })}
              </span>
              {count > 1 && (
                <Button variant="quiet" small icon={Trash2} aria-label={t('removeRowWhat', { what: t('rowN', { name, n: index + 1 }) })} onClick={() => remove(index)}>
                  {t('removeRow')}
                </Button>
              )}
            </div>
            <div className="grid gap-6">
              <Inner form={form} nodes={group.children} rows={[...rows, { linkId, index }]} responses={responses} onChange={onChange} errors={errors} />
            </div>
          </fieldset>
        ))}
      </div>
      <Button
        icon={Plus}
        className="mt-6"
        onClick={() => {
          keys.add();
          set([...(list.length > 0 ? list : [{}]), {}]);
        }}
      >
        {t('addRow')}
      </Button>
    </div>
  );
}

/** Rows have no id of their own; without one, taking away the first would leave its text in the second. */
function useRowKeys(count: number) {
  const keys = useRef<number[]>([]);
  const next = useRef(0);
  // eslint-disable-next-line react-hooks/refs -- the list only grows to the number of rows on screen
  while (keys.current.length < count) keys.current.push(next.current++);
  return {
    of: (index: number) => keys.current[index],
    add: () => keys.current.push(next.current++),
    remove: (index: number) => keys.current.splice(index, 1),
  };
}

interface InnerProps extends Pick<RowsProps, 'form' | 'responses' | 'onChange' | 'errors'> {
  nodes: Node[];
  rows: RowPath;
}

/** What stands inside one row, in order: texts, questions, groups, and groups that repeat again. */
function Inner({ form, nodes, rows, responses, onChange, errors }: InnerProps): ReactNode {
  const language = useLanguage();
  const { isEnabled } = evaluateEnableWhen(form, responses);
  const scope = responsesAt(responses, rows) ?? {};
  return nodes
    .filter((node) => !isHidden(node) && isEnabled(node, rows))
    .map((node) => {
      const { item } = node;
      const id = fieldId(form, item.linkId, rows);
      const inner = (children: Node[]) => <Inner form={form} nodes={children} rows={rows} responses={responses} onChange={onChange} errors={errors} />;
      if (isRepeatingGroup(item)) {
        return <QuestionRows key={id} form={form} group={node} rows={rows} responses={responses} onChange={onChange} errors={errors} as="h2" />;
      }
      if (isQuestion(node)) {
        return (
          <div key={id} className="grid gap-6">
            <Question
              form={form}
              item={item}
              id={id}
              as="label"
              value={scope[item.linkId]}
              error={errors[id]}
              onChange={(value) => onChange(withAnswer(responses, rows, item.linkId, value))}
            />
            {node.children.length > 0 && inner(node.children)}
          </div>
        );
      }
      if (item.type === 'group') {
        return (
          <div key={id} className="grid gap-6">
            {item.text && (
              <h2>
                <ClinicText words={itemWords(form, item, language)} />
              </h2>
            )}
            {inner(node.children)}
          </div>
        );
      }
      return item.text ? (
        <p key={id} className="text-ink-2">
          <ClinicText words={itemWords(form, item, language)} />
        </p>
      ) : null;
    });
}

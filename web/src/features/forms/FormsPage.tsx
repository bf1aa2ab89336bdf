import { ClipboardCheck, ClipboardList } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { ProgressBar, Row, Rows } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { EmptyState } from '@/components/EmptyState';
import { InlineError, Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { TabLinks } from '@/components/TabLinks';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { FormItem, Page as Pagination } from '@/lib/types';
import { useFormWords } from './words';

/** A list says how far a form is filled in. */
interface ListedForm extends FormItem {
  answered?: number;
  questions?: number;
}
interface FormList {
  forms: ListedForm[];
  pagination: Pagination;
}

/** /forms: what is to be filled in, most urgent first, and what was sent. */
export function Component() {
  const { t } = useFormWords();
  const [search] = useSearchParams();
  const done = search.get('tab') === 'done';
  return (
    <Page title={t('title')} lead={<Lead />}>
      <div className="mb-6">
        <TabLinks
          label={t('title')}
          current={done ? 'done' : 'todo'}
          tabs={[
            { key: 'todo', label: t('toDo'), to: '?' },
            { key: 'done', label: t('done'), to: '?tab=done' },
          ]}
        />
      </div>
      {done ? <DoneForms page={Math.max(1, Number.parseInt(search.get('page') ?? '', 10) || 1)} /> : <ToDoForms />}
    </Page>
  );
}

/** Two lists of the server as one: a started form is as much to do as a new one. */
function useToDo() {
  const pending = useApi<FormList>('forms', { query: { status: 'pending', limit: 100 } });
  const started = useApi<FormList>('forms', { query: { status: 'in_progress', limit: 100 } });
  const forms = pending.data && started.data && byUrgency([...pending.data.forms, ...started.data.forms]);
  const failed = [pending, started].find((one) => one.isError);
  const retry = () => void Promise.all([pending.refetch(), started.refetch()]);
  return { forms, error: failed?.error, retry };
}

/** Overdue and soonest due first; without a date last, in the order they were given. */
export function byUrgency<F extends FormItem>(forms: F[]): F[] {
  const key = (form: F) => `${form.isOverdue ? 0 : 1}${form.dueDate ?? '9999'}${form.assignedDate}`;
  return [...forms].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function Lead() {
  const { t } = useFormWords();
  const format = useFormat();
  const { forms } = useToDo();
  if (!forms) return <>&nbsp;</>;
  if (forms.length === 0) return t('introNone');
  const overdue = forms.some((form) => form.isOverdue);
  const due = forms[0]?.dueDate;
  return [t('introTodo', { count: forms.length }), overdue ? t('introOverdue') : due && t('introFirstDue', { when: format.relativeDay(due) })].filter(Boolean).join(' ');
}

function ToDoForms() {
  const { t } = useFormWords();
  const { forms, error, retry } = useToDo();
  if (!forms) return error ? <InlineError error={error} onRetry={retry} /> : <Skeleton onRetry={retry} />;
  if (forms.length === 0) return <EmptyState icon={ClipboardCheck}>{t('emptyTodo')}</EmptyState>;
  return (
    <Rows>
      {forms.map((form, index) => (
        <ToDoRow key={form.id} form={form} first={index === 0} />
      ))}
    </Rows>
  );
}

function ToDoRow({ form, first }: { form: ListedForm; first: boolean }) {
  const { t } = useFormWords();
  const format = useFormat();
  const started = form.status === 'in_progress';
  const to = paths.form(form.id);
  const away = form.dueDate ? format.daysAway(form.dueDate) : undefined;
  const chip = form.isOverdue ? <Chip kind="overdue" /> : away === 0 ? <Chip kind="dueToday" /> : away === 1 ? <Chip kind="dueTomorrow" /> : undefined;
  return (
    <Row
      level={2}
      icon={ClipboardList}
      title={form.formTitle}
      to={to}
      chip={chip}
      meta={[
        !chip && form.dueDate && t('dueOn', { when: format.date(form.dueDate) }),
        started && (form.answered && form.questions ? <Answered key="answered" answered={form.answered} questions={form.questions} /> : t('started')),
        !started && form.estimatedMinutes && t('aboutMinutes', { count: form.estimatedMinutes }),
        form.signersLeft > 1 && t('signersLeft', { count: form.signersLeft }),
      ]}
      action={{ label: started ? t('continueForm') : t('start'), primary: first, to }}
    />
  );
}

function Answered({ answered, questions }: { answered: number; questions: number }) {
  const { t } = useFormWords();
  return (
    <>
      <ProgressBar value={answered} of={questions} />
      <span>{t('answeredOf', { answered, questions })}</span>
    </>
  );
}

function DoneForms({ page }: { page: number }) {
  const { t } = useFormWords();
  const format = useFormat();
  const query = useApi<FormList>('forms', { query: { status: 'completed', page, limit: 20 } });
  return (
    <QueryView query={query}>
      {({ forms, pagination }) =>
        forms.length === 0 ? (
          <EmptyState icon={ClipboardList}>{t('emptyDone')}</EmptyState>
        ) : (
          <>
            <Rows>
              {forms.map((form) => (
                <Row
                  key={form.id}
                  level={2}
                  icon={ClipboardCheck}
                  title={form.formTitle}
                  to={paths.form(form.id)}
                  meta={[
                    form.completedDate && t('sentOn', { when: format.date(form.completedDate) }),
                    form.signersLeft > 0 && t('signersLeft', { count: form.signersLeft }),
                  ]}
                />
              ))}
            </Rows>
            <Pager
              pagination={pagination}
              to={(n) => `?tab=done&page=${n}`}
              position={t('pageOf', { page: pagination.page, total: pagination.totalPages })}
              newer={t('newer')}
              older={t('older')}
            />
          </>
        )
      }
    </QueryView>
  );
}

import { FileDown } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { Card } from '@/components/Card';
import { TaskPage } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { fileNameOf, saveFile } from '@/lib/download';
import { useErrorSentence } from '@/lib/errors';
import { useFormat } from '@/lib/format';
import { apiBlob } from '@/lib/pb';
import { useApi } from '@/lib/query';
import type { FormItem, FormList } from '@/lib/types';
import { useFormWords } from './words';

interface FormDoneProps {
  form: FormItem;
  signed: boolean;
  submittedAt: string;
  sha256: string;
  /** People who still have to sign, after this one. */
  signersLeft: number;
}

/** Sent and frozen: what happened, the copy to keep, what is left to do. */
export function FormDone({ form, signed, submittedAt, sha256, signersLeft }: FormDoneProps) {
  const { t } = useFormWords();
  const format = useFormat();
  const when = `${format.date(submittedAt)}, ${format.time(submittedAt)}`;
  const pending = useApi<FormList>('forms', { query: { status: 'pending', limit: 100 } });
  const next = pending.data?.forms.find((one) => one.id !== form.id);
  return (
    <TaskPage
      title={t(signed ? 'doneSigned' : 'doneSent')}
      lead={t(signed ? 'doneSignedBody' : 'doneSentBody', { form: form.formTitle, when })}
      back={{ to: paths.forms, label: t('back') }}
      step="done"
    >
      {signersLeft > 0 && <p className="mb-6">{t('doneSigners', { count: signersLeft })}</p>}
      <Card>
        <PdfDownload id={form.id} title={form.formTitle} />
        <dl className="mt-5 border-t border-line pt-4">
          <dt className="text-sm text-ink-2">{t('fingerprint')}</dt>
          <dd>
            <code className="font-mono text-sm">{shortHash(sha256)}</code>
            <p className="mt-1 max-w-(--measure) text-sm text-ink-2">{t('fingerprintWhy')}</p>
          </dd>
        </dl>
      </Card>
      <Actions>
        {next ? (
          <>
            <LinkButton variant="primary" to={paths.form(next.id)}>
              {t('nextForm', { form: next.formTitle })}
            </LinkButton>
            <LinkButton variant="quiet" to={paths.forms}>
              {t('backToForms')}
            </LinkButton>
          </>
        ) : (
          <LinkButton variant="primary" to={paths.forms}>
            {t('backToForms')}
          </LinkButton>
        )}
      </Actions>
    </TaskPage>
  );
}

/** Enough to compare by eye: the first sixteen digits in groups of four. */
export function shortHash(sha256: string): string {
  return `${sha256.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ')}…`;
}

const RETRY_MS = 1500;
const GIVE_UP_MS = 45_000;

type Download = 'idle' | 'busy' | 'rendering' | 'late';

/** Fetches the PDF; while the server still makes it, waits and asks again. */
function PdfDownload({ id, title }: { id: string; title: string }) {
  const { t } = useFormWords();
  const toast = useToast();
  const sentence = useErrorSentence();
  const [state, setState] = useState<Download>('idle');
  const [problem, setProblem] = useState<string>();
  const leaving = useRef<AbortController>(undefined);
  useEffect(() => () => leaving.current?.abort(), []);

  const fetchPdf = async () => {
    const control = new AbortController();
    leaving.current = control;
    setProblem(undefined);
    setState('busy');
    try {
      for (const started = Date.now(); ; ) {
        const { status, blob } = await apiBlob(`forms/${encodeURIComponent(id)}/pdf`, { signal: control.signal });
        if (status !== 202) {
          saveFile(blob, `${fileNameOf(title)}.pdf`);
          toast(t('downloaded'));
          setState('idle');
          return;
        }
        if (Date.now() - started > GIVE_UP_MS) {
          setState('late');
          return;
        }
        setState('rendering');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        if (control.signal.aborted) return;
      }
    } catch (error) {
      if (control.signal.aborted) return;
      setState('idle');
      setProblem(sentence(error));
    }
  };

  return (
    <>
      <Button icon={FileDown} busy={state === 'busy' || state === 'rendering'} onClick={() => void fetchPdf()} className="max-sm:w-full">
        {t('download')}
      </Button>
      <p role="status" className="mt-2 text-sm text-ink-2 empty:mt-0">
        {state === 'rendering' ? t('rendering') : state === 'late' ? t('renderingLong') : ''}
      </p>
      {problem && (
        <Banner tone="danger" announce="alert" className="mt-3">
          {problem}
        </Banner>
      )}
    </>
  );
}

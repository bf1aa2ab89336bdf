import { Copy, FileDown, Printer } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useBlocker } from 'react-router';
import { Actions, Button } from '@/components/Button';
import { Card } from '@/components/Card';
import { Dialog } from '@/components/Dialog';
import { Checkbox, FieldError } from '@/components/Field';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { copyText } from '@/lib/copy';
import { saveFile } from '@/lib/download';
import { useFormat } from '@/lib/format';
import { useSession } from '@/lib/session';
import { useSecurityWords } from './words';

/** The ten codes, this once: to copy, keep as a file or print. Leaving before saying that they are saved is asked about. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const { t } = useSecurityWords();
  const { clinicName } = useConfig();
  const session = useSession();
  const format = useFormat();
  const toast = useToast();
  const [saved, setSaved] = useState(false);
  const [missing, setMissing] = useState(false);
  const [copyFailed, setCopyFailed] = useState(false);
  const leaving = useRef(false);
  const blocker = useBlocker(({ currentLocation, nextLocation }) => !saved && !leaving.current && session.status === 'signed-in' && currentLocation.pathname !== nextLocation.pathname);

  useEffect(() => {
    if (saved) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [saved]);

  const email = session.status === 'signed-in' ? session.user.email : '';
  const head = t('codesFileHead', { clinic: clinicName, email });
  const foot = t('codesFileFoot', { day: format.date(format.today()) });
  const text = `${[head, '', ...codes, '', foot].join('\r\n')}\r\n`;

  const copy = async () => {
    const worked = await copyText(text);
    setCopyFailed(!worked);
    if (worked) toast(t('copied'));
  };

  const done = () => {
    setMissing(!saved);
    if (saved) onDone();
    else document.getElementById('codesSaved')?.focus();
  };

  return (
    <>
      <Card>
        <div data-print>
          <p className="hidden print:block">{head}</p>
          <ol aria-label={t('codesList')} className="grid list-inside list-decimal gap-2 font-mono text-[1.25rem] sm:grid-cols-2">
            {codes.map((code) => (
              <li key={code} className="break-all">
                {code}
              </li>
            ))}
          </ol>
          <p className="mt-4 hidden print:block">{foot}</p>
        </div>
      </Card>
      <Actions className="mt-4">
        <Button icon={Copy} onClick={() => void copy()}>
          {t('codesCopy')}
        </Button>
        <Button icon={FileDown} onClick={() => saveFile(new Blob([text], { type: 'text/plain;charset=utf-8' }), `${t('codesFile')}.txt`)}>
          {t('codesDownload')}
        </Button>
        <Button icon={Printer} onClick={() => window.print()}>
          {t('codesPrint')}
        </Button>
      </Actions>
      {copyFailed && (
        <div role="alert">
          <FieldError id="copy-error">{t('copyFailed')}</FieldError>
        </div>
      )}
      <div className="mt-6">
        <Checkbox
          name="codesSaved"
          checked={saved}
          onChange={(event) => {
            setSaved(event.target.checked);
            setMissing(false);
          }}
          error={missing ? t('codesSaveFirst') : undefined}
        >
          {t('codesSaved')}
        </Checkbox>
      </div>
      <Actions>
        <Button variant="primary" onClick={done}>
          {t('done')}
        </Button>
      </Actions>
      {blocker.state === 'blocked' && (
        <Dialog
          open
          onClose={() => blocker.reset()}
          title={t('codesLeaveTitle')}
          actions={
            <>
              <Button variant="primary" onClick={() => blocker.reset()}>
                {t('codesStay')}
              </Button>
              <Button
                variant="quiet"
                onClick={() => {
                  leaving.current = true;
                  blocker.proceed();
                }}
              >
                {t('codesLeaveAnyway')}
              </Button>
            </>
          }
        >
          <p>{t('codesLeave')}</p>
        </Dialog>
      )}
    </>
  );
}

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useCountdown } from '@/lib/countdown';
import { defineWords } from '@/lib/i18n';
import { ApiError } from '@/lib/pb';
import { NotProven } from '@/lib/proof';
import { Actions, Button } from './Button';
import { Failure } from './Failure';
import { CodeInput, codeOf } from './Field';

const useWords = defineWords(
  'codeStep',
  {
    need: 'Enter the 6 digits.',
    bad: 'That code isn’t right or is no longer valid. Enter the newest code.',
    checking: 'Checking…',
    resend: 'Send a new code',
    resendIn: 'Send a new code in {n} s',
    resent: 'A new code is on its way.',
  },
  {
    need: 'Escriba los 6 dígitos.',
    bad: 'El código no es correcto o ya no sirve. Escriba el más reciente.',
    checking: 'Comprobando…',
    resend: 'Enviar otro código',
    resendIn: 'Enviar otro código en {n} s',
    resent: 'Va en camino un código nuevo.',
  },
);

const resendAfter = 30;

interface CodeStepProps {
  label: string;
  hint?: string;
  /** What the button does: "Turn on", "Confirm this number". */
  action: string;
  /** Presents the code; a refusal CODE_INVALID keeps the person here. */
  onCode: (code: string) => Promise<unknown>;
  /** Sends another code; leave out where none is sent. */
  onResend?: () => Promise<unknown>;
  /** More buttons beside the resend, e.g. another number. */
  children?: ReactNode;
}

/** One code, typed or pasted, that shows that a phone, an address or an app is the person's. */
export function CodeStep({ label, hint, action, onCode, onResend, children }: CodeStepProps) {
  const { t } = useWords();
  const field = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [failure, setFailure] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const [resent, setResent] = useState(false);
  const [wait, restartWait] = useCountdown(onResend ? resendAfter : 0);

  const sent = onResend !== undefined;
  useEffect(() => {
    // A code is on its way: its field is where to go on.
    if (sent) field.current?.focus();
  }, [sent]);

  const refuse = (message: string) => {
    setWrong(message);
    field.current?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setFailure(undefined);
    const digits = codeOf(code);
    if (digits.length !== 6) return refuse(t('need'));
    setWrong(undefined);
    setBusy(true);
    try {
      await onCode(digits);
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'CODE_INVALID') refuse(t('bad'));
      else if (!(error instanceof NotProven)) setFailure(error as Error);
    } finally {
      setBusy(false);
    }
  };

  const resend = async () => {
    setFailure(undefined);
    setResent(false);
    try {
      await onResend?.();
      setResent(true);
      restartWait(resendAfter);
      field.current?.focus();
    } catch (error) {
      if (!(error instanceof NotProven)) setFailure(error as Error);
    }
  };

  return (
    <>
      <Failure error={failure} />
      <form onSubmit={(event) => void submit(event)} noValidate>
        <CodeInput ref={field} name="code" label={label} hint={hint} value={code} onChange={(event) => setCode(event.target.value)} error={wrong} />
        <Actions>
          <Button variant="primary" type="submit" busy={busy} busyLabel={t('checking')}>
            {action}
          </Button>
        </Actions>
      </form>
      {(onResend || children) && (
        <div className="mt-3 -ml-3 flex flex-wrap gap-x-3">
          {onResend &&
            (wait > 0 ? (
              <p className="flex min-h-11 items-center px-3 text-ink-2 tabular-nums">{t('resendIn', { n: wait })}</p>
            ) : (
              <Button variant="quiet" small onClick={() => void resend()}>
                {t('resend')}
              </Button>
            ))}
          {children}
        </div>
      )}
      <p role="status" className="text-sm text-ink-2">
        {resent && t('resent')}
      </p>
    </>
  );
}

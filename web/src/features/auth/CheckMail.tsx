import { useEffect, useRef, useState, type FormEvent } from 'react';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { CodeInput, codeOf } from '@/components/Field';
import { useErrorSentence } from '@/lib/errors';
import { api, ApiError } from '@/lib/pb';
import { useAtPhone } from './fields';
import { useAuthWords } from './words';

const waitSeconds = 30;

/** Counts down to the next allowed try; 0 means now. */
function useWait(): [number, () => void] {
  const [left, setLeft] = useState(waitSeconds);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return [left, () => setLeft(waitSeconds)];
}

/** The code from the mail, sending it again, or going back to another address. */
export function CheckMail({ email, onVerified, onOtherAddress }: { email: string; onVerified: () => void | Promise<void>; onOtherAddress: () => void }) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  const field = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState('');
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [sentAgain, setSentAgain] = useState(false);
  const [wait, restartWait] = useWait();

  const refuse = (message: string) => {
    setError(message);
    field.current?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const digits = codeOf(code);
    setProblem(undefined);
    if (digits.length !== 6) {
      refuse(t('codeNeeded'));
      return;
    }
    setError(undefined);
    setBusy(true);
    try {
      await api('auth/verify-email', { method: 'POST', body: { email, code: digits }, anonymous: true });
      await onVerified();
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 400) refuse(t('codeBad'));
      else setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  const sendAgain = async () => {
    setProblem(undefined);
    try {
      await api('auth/resend-verification', { method: 'POST', body: { email }, anonymous: true });
      setSentAgain(true);
      restartWait();
    } catch (failure) {
      setProblem(sentence(failure));
    }
  };

  return (
    <>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      {sentAgain && (
        <Banner tone="success" announce="status" className="mb-6">
          {t('resent')}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <CodeInput ref={field} name="code" label={t('code')} value={code} onChange={(event) => setCode(event.target.value)} error={error} />
        <Actions>
          <Button variant="primary" type="submit" busy={busy} busyLabel={t('confirming')}>
            {t('confirm')}
          </Button>
        </Actions>
      </form>
      <div className="mt-6 -ml-3 flex flex-wrap gap-x-3">
        {wait > 0 ? (
          <p className="flex min-h-11 items-center px-3 text-ink-2 tabular-nums">{t('resendIn', { n: wait })}</p>
        ) : (
          <Button variant="quiet" small onClick={() => void sendAgain()}>
            {t('resend')}
          </Button>
        )}
        <Button variant="quiet" small onClick={onOtherAddress}>
          {t('otherAddress')}
        </Button>
      </div>
      <p className="mt-4 text-sm text-ink-2">
        {t('mailAlso')} {t('noMail', { phone: atPhone })}
      </p>
    </>
  );
}

import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { CodeInput, codeOf } from '@/components/Field';
import { useCountdown } from '@/lib/countdown';
import { useErrorSentence } from '@/lib/errors';
import { api, ApiError } from '@/lib/pb';
import { useAtPhone } from './fields';
import { useAuthWords } from './words';

const resendAfter = 30;

interface MailCodeProps {
  /** What the button does. */
  action: string;
  busyLabel: string;
  /** Presents the six digits. A refusal of status 400 keeps the person here. */
  onCode: (code: string) => Promise<unknown>;
  /** What a refusal means here; without it the sentences that every page has. */
  says?: (error: unknown) => ReactNode;
  onSendAgain: () => Promise<unknown>;
  /** Says that it was sent again, without saying whether the address is known. */
  sentAgain: string;
  onOtherAddress: () => void;
}

/** The code from the mail, sending it again, or going back to another address. */
export function MailCode({ action, busyLabel, onCode, says, onSendAgain, sentAgain, onOtherAddress }: MailCodeProps) {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  const field = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState('');
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<ReactNode>();
  const [busy, setBusy] = useState(false);
  const [again, setAgain] = useState(false);
  const [wait, restartWait] = useCountdown(resendAfter);

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
      await onCode(digits);
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 400) refuse(t('codeBad'));
      else setProblem((says ?? sentence)(failure));
    } finally {
      setBusy(false);
    }
  };

  const sendAgain = async () => {
    setProblem(undefined);
    try {
      await onSendAgain();
      setAgain(true);
      restartWait(resendAfter);
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
      {again && (
        <Banner tone="success" announce="status" className="mb-6">
          {sentAgain}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <CodeInput ref={field} name="code" label={t('code')} value={code} onChange={(event) => setCode(event.target.value)} error={error} />
        <Actions>
          <Button variant="primary" type="submit" busy={busy} busyLabel={busyLabel}>
            {action}
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

/** Confirms an address by the code that was sent there. */
export function CheckMail({ email, onVerified, onOtherAddress }: { email: string; onVerified: () => void | Promise<void>; onOtherAddress: () => void }) {
  const { t } = useAuthWords();
  return (
    <MailCode
      action={t('confirm')}
      busyLabel={t('confirming')}
      onCode={async (code) => {
        await api('auth/verify-email', { method: 'POST', body: { email, code }, anonymous: true });
        await onVerified();
      }}
      onSendAgain={() => api('auth/resend-verification', { method: 'POST', body: { email }, anonymous: true })}
      sentAgain={t('resent')}
      onOtherAddress={onOtherAddress}
    />
  );
}

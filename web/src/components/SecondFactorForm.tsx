import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useCountdown, spoken } from '@/lib/countdown';
import { useErrorSentence } from '@/lib/errors';
import type { CodeMethod, FactorChallenge } from '@/lib/factors';
import { useFormat } from '@/lib/format';
import { defineWords } from '@/lib/i18n';
import { canUsePasskeys, wasDismissed } from '@/lib/passkey';
import { ApiError } from '@/lib/pb';
import type { MfaMethod } from '@/lib/types';
import { Banner } from './Banner';
import { Actions, Button } from './Button';
import { CodeInput, codeOf } from './Field';
import { HelpLine } from './Page';

const useWords = defineWords(
  'factor',
  {
    code: 'Code',
    totp: 'Open your authenticator app and enter the 6 digits it shows.',
    recovery: 'Enter one of your recovery codes. Each works once.',
    passkey: 'Use the passkey of this device, with your fingerprint, face or screen lock.',
    sending: 'We’re sending you a code.',
    sentSms: 'We sent a 6-digit code to your phone{hint}. Enter the newest one.',
    sentEmail: 'We sent a 6-digit code to your email{hint}. Enter the newest one.',
    hint: ' ({hint})',
    notSent: 'We could not send a code. Try again, or choose another way.',
    none: 'This account needs a second step that this device can’t do. Call us and we’ll help you in.',
    go: 'Go on',
    going: 'Checking…',
    bad: 'That code isn’t right or is no longer valid. Enter the newest code.',
    needDigits: 'Enter the 6 digits.',
    needRecovery: 'Enter a recovery code.',
    resend: 'Send a new code',
    resendIn: 'Send a new code in {n} s',
    another: 'Choose another way',
    ways: 'Other ways',
    useTotp: 'Use the authenticator app',
    useSms: 'Get a code by text{hint}',
    useEmail: 'Get a code by email{hint}',
    useRecovery: 'Use a recovery code',
    usePasskey: 'Use a passkey',
    passkeyBusy: 'Waiting for the passkey…',
    passkeyDismissed: 'No passkey was used. Try again, or choose another way.',
    passkeyBad: 'We don’t know that passkey. Choose another way.',
    again: 'Start over',
    left: 'You have {time} for this step.',
  },
  {
    code: 'Código',
    totp: 'Abra su aplicación de autenticación y escriba los 6 dígitos que muestra.',
    recovery: 'Escriba uno de sus códigos de recuperación. Cada uno sirve una vez.',
    passkey: 'Use la llave de acceso de este dispositivo, con su huella, su rostro o el bloqueo de pantalla.',
    sending: 'Le estamos enviando un código.',
    sentSms: 'Enviamos un código de 6 dígitos a su teléfono{hint}. Escriba el más reciente.',
    sentEmail: 'Enviamos un código de 6 dígitos a su correo{hint}. Escriba el más reciente.',
    hint: ' ({hint})',
    notSent: 'No pudimos enviar un código. Intente otra vez o elija otra forma.',
    none: 'Esta cuenta necesita un segundo paso que este dispositivo no ofrece. Llámenos y le ayudamos a entrar.',
    go: 'Continuar',
    going: 'Comprobando…',
    bad: 'El código no es correcto o ya no sirve. Escriba el más reciente.',
    needDigits: 'Escriba los 6 dígitos.',
    needRecovery: 'Escriba un código de recuperación.',
    resend: 'Enviar otro código',
    resendIn: 'Enviar otro código en {n} s',
    another: 'Elegir otra forma',
    ways: 'Otras formas',
    useTotp: 'Usar la aplicación de autenticación',
    useSms: 'Recibir un código por mensaje de texto{hint}',
    useEmail: 'Recibir un código por correo{hint}',
    useRecovery: 'Usar un código de recuperación',
    usePasskey: 'Usar una llave de acceso',
    passkeyBusy: 'Esperando la llave de acceso…',
    passkeyDismissed: 'No se usó ninguna llave de acceso. Intente otra vez o elija otra forma.',
    passkeyBad: 'No reconocemos esa llave de acceso. Elija otra forma.',
    again: 'Empezar de nuevo',
    left: 'Tiene {time} para este paso.',
  },
);

const resendAfter = 30;

interface SecondFactorFormProps {
  challenge: FactorChallenge;
  /** What the button does; without it, it goes on. */
  action?: string;
  /** Presents a code. Rejects with the server's refusal: after a wrong code the person stays here. */
  onCode: (method: CodeMethod, code: string) => Promise<unknown>;
  /** Has a code sent (auth/mfa/challenge). */
  onSend: (method: 'sms' | 'email') => Promise<unknown>;
  /** Presents a passkey; without it none is offered. */
  onPasskey?: () => Promise<unknown>;
  /** Back to the first step: by choice, or `expired`, which the first step should say. */
  onRestart: (reason?: 'expired') => void;
}

/** The second step of proving who one is: one field, and other ways for who cannot use it. Knows no route. */
export function SecondFactorForm(props: SecondFactorFormProps) {
  // Another challenge is another form: its time, its methods and what was typed begin anew.
  return <Form key={props.challenge.mfaToken} {...props} />;
}

/** What can be answered here, in the server's order; a recovery code is nobody's first choice. */
function waysOf(challenge: FactorChallenge, passkeys: boolean): MfaMethod[] {
  const usable = challenge.methods.filter((one) => one !== 'passkey' || (passkeys && canUsePasskeys()));
  return [...usable.filter((one) => one !== 'recovery'), ...usable.filter((one) => one === 'recovery')];
}

const isSent = (method: MfaMethod | undefined): method is 'sms' | 'email' => method === 'sms' || method === 'email';

function Form({ challenge, action, onCode, onSend, onPasskey, onRestart }: SecondFactorFormProps) {
  const { t } = useWords();
  const sentence = useErrorSentence();
  const format = useFormat();
  const field = useRef<HTMLInputElement>(null);
  const passkeyButton = useRef<HTMLButtonElement>(null);
  const [ways] = useState(() => waysOf(challenge, onPasskey !== undefined));
  const [method, setMethod] = useState(ways[0]);
  const [choosing, setChoosing] = useState(false);
  const [code, setCode] = useState('');
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<Partial<Record<MfaMethod, 'sending' | 'sent' | 'failed'>>>(isSent(method) ? { [method]: 'sending' } : {});
  const [wait, restartWait] = useCountdown(0);
  const [left] = useCountdown(challenge.expiresIn);

  const hintOf = (way: MfaMethod) => {
    const hint = isSent(way) ? challenge.hints?.[way] : undefined;
    return { hint: hint ? t('hint', { hint }) : '' };
  };

  const send = (way: 'sms' | 'email') => {
    setProblem(undefined);
    setSent((before) => ({ ...before, [way]: 'sending' }));
    return deliver(way);
  };
  const deliver = async (way: 'sms' | 'email') => {
    try {
      await onSend(way);
      setSent((before) => ({ ...before, [way]: 'sent' }));
      restartWait(resendAfter);
    } catch (failure) {
      if (failure instanceof ApiError && failure.reason === 'MFA_EXPIRED') return onRestart('expired');
      setSent((before) => ({ ...before, [way]: 'failed' }));
      setProblem(failure instanceof ApiError && failure.status === 429 ? sentence(failure) : t('notSent'));
    }
  };

  const opened = useRef(false);
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    if (isSent(method)) void deliver(method);
    // Sent once, when the form opens; after that by choice.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    if (left === 0) onRestart('expired');
    // Said once.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [left]);

  const former = useRef(method);
  useEffect(() => {
    if (former.current === method) return;
    former.current = method;
    (field.current ?? passkeyButton.current)?.focus();
  }, [method]);

  const choose = (way: MfaMethod) => {
    setChoosing(false);
    setError(undefined);
    setProblem(undefined);
    setCode('');
    setMethod(way);
    if (isSent(way) && sent[way] !== 'sent') void send(way);
  };

  const refuse = (message: string) => {
    setError(message);
    field.current?.focus();
    field.current?.select();
  };

  const present = async (typed: string) => {
    if (busy || !method || method === 'passkey') return;
    const answer = method === 'recovery' ? typed.replace(/\s/g, '') : codeOf(typed);
    setProblem(undefined);
    if (method === 'recovery' ? !answer : answer.length !== 6) return refuse(t(method === 'recovery' ? 'needRecovery' : 'needDigits'));
    setError(undefined);
    setBusy(true);
    try {
      await onCode(method, answer);
    } catch (failure) {
      if (failure instanceof ApiError && failure.reason === 'MFA_INVALID') refuse(t('bad'));
      else if (failure instanceof ApiError && failure.reason === 'MFA_EXPIRED') onRestart('expired');
      else setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  const type = (typed: string) => {
    setCode(typed);
    // The sixth digit is the end of it, typed or pasted; what is mended afterwards goes the same way. A named act waits for its button.
    if (!action && method !== 'recovery' && codeOf(typed).length === 6 && codeOf(typed) !== codeOf(code)) void present(typed);
  };

  const passkey = async () => {
    setProblem(undefined);
    setBusy(true);
    try {
      await onPasskey?.();
    } catch (failure) {
      if (wasDismissed(failure)) setProblem(t('passkeyDismissed'));
      else if (failure instanceof ApiError && failure.reason === 'PASSKEY_INVALID') setProblem(t('passkeyBad'));
      else if (failure instanceof ApiError && failure.reason === 'MFA_EXPIRED') onRestart('expired');
      else setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  if (!method) {
    return (
      <>
        <p>{t('none')}</p>
        <HelpLine className="mt-4" />
        <Actions>
          <Button onClick={() => onRestart()}>{t('again')}</Button>
        </Actions>
      </>
    );
  }

  const says: Record<MfaMethod, string> = {
    totp: t('totp'),
    recovery: t('recovery'),
    passkey: t('passkey'),
    sms: sent.sms === 'sent' ? t('sentSms', hintOf('sms')) : sent.sms === 'sending' ? t('sending') : '',
    email: sent.email === 'sent' ? t('sentEmail', hintOf('email')) : sent.email === 'sending' ? t('sending') : '',
  };
  const labels: Record<MfaMethod, string> = {
    totp: t('useTotp'),
    recovery: t('useRecovery'),
    passkey: t('usePasskey'),
    sms: t('useSms', hintOf('sms')),
    email: t('useEmail', hintOf('email')),
  };
  const others = ways.filter((one) => one !== method);

  return (
    <>
      <p aria-live="polite" className="mb-4 text-ink-2">
        {says[method]}
      </p>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      {method === 'passkey' ? (
        <Button ref={passkeyButton} variant="primary" busy={busy} busyLabel={t('passkeyBusy')} onClick={() => void passkey()}>
          {t('usePasskey')}
        </Button>
      ) : (
        <form
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            // In a dialog over a form of the page, that one is not meant.
            event.stopPropagation();
            void present(code);
          }}
          noValidate
        >
          <CodeInput
            // A field of its own for each method: what a browser fills in for one is not for the other.
            key={method}
            ref={field}
            name="mfaCode"
            label={t('code')}
            inputMode={method === 'recovery' ? 'text' : 'numeric'}
            autoComplete={method === 'recovery' ? 'off' : 'one-time-code'}
            autoCapitalize="none"
            className={method === 'recovery' ? 'max-w-full' : undefined}
            value={code}
            onChange={(event) => type(event.target.value)}
            error={error}
          />
          <Actions>
            <Button variant="primary" type="submit" busy={busy} busyLabel={t('going')}>
              {action ?? t('go')}
            </Button>
          </Actions>
        </form>
      )}
      <div className="mt-6 -ml-3 flex flex-wrap gap-x-3">
        {isSent(method) &&
          (wait > 0 ? (
            <p className="flex min-h-11 items-center px-3 text-ink-2 tabular-nums">{t('resendIn', { n: wait })}</p>
          ) : (
            sent[method] !== 'sending' && (
              <Button variant="quiet" small onClick={() => void send(method)}>
                {t('resend')}
              </Button>
            )
          ))}
        {others.length > 0 && (
          <Button variant="quiet" small aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>
            {t('another')}
          </Button>
        )}
        <Button variant="quiet" small onClick={() => onRestart()}>
          {t('again')}
        </Button>
      </div>
      {choosing && (
        <ul aria-label={t('ways')} className="mt-3 grid gap-2">
          {others.map((one) => (
            <li key={one}>
              <Button wide onClick={() => choose(one)}>
                {labels[one]}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <p aria-live="polite" className="mt-4 text-sm text-ink-2">
        {left > 0 && t('left', { time: format.span(spoken(left)) })}
      </p>
    </>
  );
}

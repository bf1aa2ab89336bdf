import { Copy, ExternalLink } from 'lucide-react';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useNavigate, useParams } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, AnchorButton, Button, LinkButton } from '@/components/Button';
import { Card } from '@/components/Card';
import { CodeStep } from '@/components/CodeStep';
import { Failure } from '@/components/Failure';
import { FieldError, TextInput } from '@/components/Field';
import { TaskPage } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { copyText } from '@/lib/copy';
import { api } from '@/lib/pb';
import { proven, useProven } from '@/lib/proof';
import { useSession } from '@/lib/session';
import { factorMethods, useChanged, type Enabled, type FactorMethod, type TotpSetup } from './data';
import { RecoveryCodes } from './RecoveryCodes';
import { useSecurityWords } from './words';

/** Sets up one way to get a second step's code; with the first one come the recovery codes. */
export function Component() {
  const { t } = useSecurityWords();
  const { method } = useParams();
  const known = factorMethods.find((one) => one === method);
  if (known) return <SetUp key={known} method={known} />;
  return (
    <TaskPage title={t('second')} lead={t('unknownMethod')} back={{ to: paths.security, label: t('back') }}>
      <LinkButton to={paths.security}>{t('back')}</LinkButton>
    </TaskPage>
  );
}

function SetUp({ method }: { method: FactorMethod }) {
  const { t } = useSecurityWords();
  const navigate = useNavigate();
  const toast = useToast();
  const changed = useChanged();
  const [codes, setCodes] = useState<string[]>();
  const session = useSession();
  const email = session.status === 'signed-in' ? session.user.email : '';

  const enable = async (code: string) => {
    const { recoveryCodes } = await proven(() => api<Enabled>(`auth/mfa/${method}/enable`, { method: 'POST', body: { code } }));
    void changed();
    if (recoveryCodes) return setCodes(recoveryCodes);
    toast(t('isOn'));
    void navigate(paths.security);
  };

  if (codes) {
    return (
      <TaskPage title={t('codesTitle')} lead={t('codesLead')} step="codes">
        <RecoveryCodes
          codes={codes}
          onDone={() => {
            toast(t('isOn'));
            void navigate(paths.security);
          }}
        />
      </TaskPage>
    );
  }
  const lead = { totp: t('totpLead'), sms: t('smsLead'), email: t('emailLead', { email }) };
  return (
    <TaskPage title={t(`setUp.${method}`)} lead={lead[method]} back={{ to: paths.security, label: t('back') }} step="start">
      {method === 'totp' ? <Totp onCode={enable} /> : method === 'sms' ? <Sms onCode={enable} /> : <Email email={email} onCode={enable} />}
    </TaskPage>
  );
}

interface StepProps {
  onCode: (code: string) => Promise<void>;
}

function useRefusals(): Record<string, string> {
  const { t } = useSecurityWords();
  return { MFA_OFF: t('mfaOff'), SMS_UNAVAILABLE: t('smsUnavailable'), MFA_ENABLED_ALREADY: t('alreadyOn') };
}

function Totp({ onCode }: StepProps) {
  const { t } = useSecurityWords();
  const says = useRefusals();
  const [setup, setSetup] = useState<TotpSetup>();
  const start = useProven(() => api<TotpSetup>('auth/mfa/totp/setup', { method: 'POST', body: {} }));
  if (!setup) {
    return (
      <>
        <Failure error={start.error} says={says} />
        <Actions className="">
          <Button variant="primary" busy={start.busy} busyLabel={t('totpStarting')} onClick={() => void start.run().then(setSetup)}>
            {t('totpStart')}
          </Button>
        </Actions>
      </>
    );
  }
  return (
    <>
      <TotpKey {...setup} />
      <div className="mt-8">
        <CodeStep label={t('totpCode')} hint={t('totpCodeHint')} action={t('turnOn')} onCode={onCode} />
      </div>
    </>
  );
}

/** "JBSW Y3DP EHPK 3PXP": easier to read out and to type. */
export function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? '';
}

function TotpKey({ secret, otpauthUrl, qrPng }: TotpSetup) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const [copyFailed, setCopyFailed] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const copy = async () => {
    const worked = await copyText(secret);
    setCopyFailed(!worked);
    if (worked) toast(t('copied'));
  };
  return (
    <Card>
      <h2 ref={heading} tabIndex={-1} className="outline-none">
        {t('totpScan')}
      </h2>
      <img src={qrPng} alt={t('totpAlt')} width={220} height={220} className="paper mt-4 max-w-full rounded-sm p-2" />
      <h3 className="mt-6">{t('totpText')}</h3>
      <p className="mt-2 font-mono text-[1.25rem] break-words select-all" aria-label={t('totpKey')}>
        {inGroups(secret)}
      </p>
      <Actions className="mt-3">
        <Button small icon={Copy} onClick={() => void copy()}>
          {t('totpCopy')}
        </Button>
        <AnchorButton small variant="quiet" icon={ExternalLink} href={otpauthUrl}>
          {t('totpOpen')}
        </AnchorButton>
      </Actions>
      {copyFailed && (
        <div role="alert">
          <FieldError id="copy-error">{t('copyFailed')}</FieldError>
        </div>
      )}
    </Card>
  );
}

function Sms({ onCode }: StepProps) {
  const { t } = useSecurityWords();
  const says = useRefusals();
  const [phone, setPhone] = useState('');
  const [missing, setMissing] = useState<string>();
  const [sentTo, setSentTo] = useState<string>();
  const send = (to: string) => api<unknown>('auth/mfa/sms/setup', { method: 'POST', body: { phone: to } });
  const start = useProven(send);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (start.busy) return;
    const to = phone.trim();
    setMissing(to ? undefined : t('phoneMissing'));
    if (!to) return document.getElementById('phone')?.focus();
    if (await start.run(to)) setSentTo(to);
  };

  if (sentTo) {
    return (
      <>
        <p role="status" className="mb-4">
          {t('smsSent', { phone: sentTo })}
        </p>
        <CodeStep label={t('smsCode')} action={t('turnOn')} onCode={onCode} onResend={() => proven(() => send(sentTo))}>
          <Button variant="quiet" small onClick={() => setSentTo(undefined)}>
            {t('otherNumber')}
          </Button>
        </CodeStep>
      </>
    );
  }
  return (
    <>
      <Failure error={start.error} says={{ ...says, PHONE_INVALID: t('phoneInvalid') }} />
      <form onSubmit={(event) => void submit(event)} noValidate>
        <TextInput
          label={t('phone')}
          hint={t('phoneHint')}
          name="phone"
          type="tel"
          inputMode="tel"
          autoComplete="tel"
          value={phone}
          onChange={(event) => setPhone(event.target.value)}
          error={missing}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={start.busy} busyLabel={t('sending')}>
            {t('sendCode')}
          </Button>
        </Actions>
      </form>
    </>
  );
}

function Email({ email, onCode }: StepProps & { email: string }) {
  const { t } = useSecurityWords();
  const says = useRefusals();
  const [sent, setSent] = useState(false);
  const send = () => api<unknown>('auth/mfa/email/setup', { method: 'POST', body: {} });
  const start = useProven(send);
  if (sent) {
    return (
      <>
        <p role="status" className="mb-4">
          {t('emailSent', { email })}
        </p>
        <CodeStep label={t('emailCode')} action={t('turnOn')} onCode={onCode} onResend={() => proven(send)} />
      </>
    );
  }
  return (
    <>
      <Failure error={start.error} says={says} />
      <Actions className="">
        <Button variant="primary" busy={start.busy} busyLabel={t('sending')} onClick={() => void start.run().then((answer) => setSent(answer !== undefined))}>
          {t('sendCode')}
        </Button>
      </Actions>
    </>
  );
}

import { useRef, useState, type FormEvent } from 'react';
import { Actions, Button } from '@/components/Button';
import { Section } from '@/components/Card';
import { CodeStep } from '@/components/CodeStep';
import { Failure } from '@/components/Failure';
import { TextInput } from '@/components/Field';
import { useToast } from '@/components/Toast';
import { api } from '@/lib/pb';
import { proven, useProven } from '@/lib/proof';
import { useInvalidate } from '@/lib/query';
import type { Profile } from '@/lib/types';
import { useProfileWords } from './words';

type Step = { at: 'rest' } | { at: 'number' } | { at: 'code'; phone: string };

const send = (phone: string) => api<unknown>('profile/phone/send-code', { method: 'POST', body: { phone } });

/** Texts go only to a number that a code has shown to be the person's; another number shows it anew. */
export function PhoneSection({ profile }: { profile: Profile }) {
  const { t } = useProfileWords();
  const toast = useToast();
  const invalidate = useInvalidate();
  const section = useRef<HTMLDivElement>(null);
  const [step, setStep] = useState<Step>({ at: 'rest' });
  const start = useProven(send);
  const { phone, phoneVerified } = profile;

  const sendTo = async (to: string) => {
    if (await start.run(to)) setStep({ at: 'code', phone: to });
  };
  const rest = () => {
    setStep({ at: 'rest' });
    section.current?.focus();
  };
  const confirm = async (code: string) => {
    await proven(() => api<unknown>('profile/phone/verify', { method: 'POST', body: { code } }));
    toast(t('phoneDone'));
    rest();
    await invalidate('profile');
  };

  return (
    <Section title={t('texts')}>
      <div ref={section} tabIndex={-1} className="outline-none">
        <p className="mb-4 max-w-(--measure) text-ink-2">{phone && phoneVerified ? t('textsOn', { phone }) : t('textsOff')}</p>
        {step.at !== 'code' && <Failure error={start.error} says={{ PHONE_INVALID: t('phoneInvalid'), SMS_UNAVAILABLE: t('smsUnavailable') }} />}
        {step.at === 'rest' && (
          <Actions className="">
            {phone && !phoneVerified && (
              <Button busy={start.busy} busyLabel={t('sending')} onClick={() => void sendTo(phone)}>
                {t('phoneConfirm', { phone })}
              </Button>
            )}
            <Button
              variant={phone && !phoneVerified ? 'quiet' : 'secondary'}
              onClick={() => {
                start.reset();
                setStep({ at: 'number' });
              }}
            >
              {t(phone ? 'phoneOther' : 'phoneAdd')}
            </Button>
          </Actions>
        )}
        {step.at === 'number' && <NumberForm busy={start.busy} onNumber={sendTo} onCancel={rest} />}
        {step.at === 'code' && (
          <>
            <p role="status" className="mb-4">
              {t('codeSent', { phone: step.phone })}
            </p>
            <CodeStep label={t('code')} action={t('confirm')} onCode={confirm} onResend={() => proven(() => send(step.phone))}>
              <Button variant="quiet" small onClick={() => setStep({ at: 'number' })}>
                {t('phoneOther')}
              </Button>
              <Button variant="quiet" small onClick={rest}>
                {t('cancel')}
              </Button>
            </CodeStep>
          </>
        )}
      </div>
    </Section>
  );
}

function NumberForm({ busy, onNumber, onCancel }: { busy: boolean; onNumber: (phone: string) => Promise<void>; onCancel: () => void }) {
  const { t } = useProfileWords();
  const [phone, setPhone] = useState('');
  const [missing, setMissing] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const to = phone.trim();
    setMissing(!to);
    if (to) void onNumber(to);
    else document.getElementById('phone')?.focus();
  };
  return (
    <form onSubmit={submit} noValidate>
      <TextInput
        label={t('mobile')}
        hint={t('mobileHint')}
        name="phone"
        type="tel"
        inputMode="tel"
        autoComplete="tel"
        // The person just pressed the button that asks for it.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        value={phone}
        onChange={(event) => setPhone(event.target.value)}
        error={missing ? t('mobileMissing') : undefined}
      />
      <Actions>
        <Button variant="primary" type="submit" busy={busy} busyLabel={t('sending')}>
          {t('sendCode')}
        </Button>
        <Button variant="quiet" onClick={onCancel}>
          {t('cancel')}
        </Button>
      </Actions>
    </form>
  );
}

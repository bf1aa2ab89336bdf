import { Mail, MessageSquareText, Smartphone, type LucideIcon } from 'lucide-react';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { PasswordInput } from '@/components/Field';
import { SecondFactorForm } from '@/components/SecondFactorForm';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { challengeOf, type CodeMethod, type FactorChallenge } from '@/lib/factors';
import { useFormat } from '@/lib/format';
import { api, ApiError } from '@/lib/pb';
import { useSession } from '@/lib/session';
import { factorMethods, useChanged, type Factor, type FactorMethod, type Factors } from './data';
import { useSecurityWords } from './words';

const icons: Record<FactorMethod, LucideIcon> = { totp: Smartphone, sms: MessageSquareText, email: Mail };
const few = 3;

/** The ways to get a second step's code, and the recovery codes for when none of them works. */
export function SecondSection({ factors }: { factors: Factors }) {
  const { t } = useSecurityWords();
  const { features } = useConfig();
  const [turningOff, setTurningOff] = useState<FactorMethod>();
  const required = factors.policy === 'required';
  const offered = factorMethods.filter((method) => method !== 'sms' || features.sms || factors.factors.some((one) => one.method === 'sms'));
  return (
    <Section title={t('second')}>
      <p className="mb-4 max-w-(--measure) text-ink-2">
        {t('secondLead')} {required && t('policyRequired')}
      </p>
      <Rows>
        {offered.map((method) => {
          const factor = factors.factors.find((one) => one.method === method);
          return (
            <MethodRow
              key={method}
              method={method}
              factor={factor}
              // The server holds the same rule; this only spares a dead end.
              mayTurnOff={!required || factors.factors.length > 1}
              onTurnOff={() => setTurningOff(method)}
            />
          );
        })}
      </Rows>
      {factors.enabled && <RecoveryLine left={factors.recoveryCodesLeft} />}
      {turningOff && <TurnOff method={turningOff} factors={factors} onClose={() => setTurningOff(undefined)} />}
    </Section>
  );
}

interface MethodRowProps {
  method: FactorMethod;
  factor?: Factor;
  mayTurnOff: boolean;
  onTurnOff: () => void;
}

function MethodRow({ method, factor, mayTurnOff, onTurnOff }: MethodRowProps) {
  const { t } = useSecurityWords();
  const format = useFormat();
  const session = useSession();
  const email = session.status === 'signed-in' ? session.user.email : '';
  const name = t(`method.${method}`);
  if (!factor) {
    return (
      <Row
        icon={icons[method]}
        title={name}
        meta={[t(`about.${method}`, { email })]}
        asideBelow
        aside={
          <LinkButton small to={paths.setUpFactor(method)} aria-label={t('setUpMethod', { method: name })}>
            {t('setUp')}
          </LinkButton>
        }
      />
    );
  }
  return (
    <Row
      icon={icons[method]}
      title={name}
      chip={<Chip kind="confirmed">{factor.hint ? t('onHint', { hint: factor.hint }) : t('on')}</Chip>}
      meta={[
        t('sinceDay', { day: format.date(factor.enabledAt) }),
        factor.lastUsedAt ? t('lastUsed', { ago: format.ago(factor.lastUsedAt) }) : t('neverUsed'),
        !mayTurnOff && <span className="basis-full">{t('lastRequired')}</span>,
      ]}
      asideBelow
      aside={
        mayTurnOff && (
          <Button small aria-label={t('turnOffMethod', { method: name })} onClick={onTurnOff}>
            {t('turnOff')}
          </Button>
        )
      }
    />
  );
}

function RecoveryLine({ left }: { left: number }) {
  const { t } = useSecurityWords();
  const make = (
    <LinkButton small variant={left > few ? 'secondary' : 'quiet'} to={paths.recoveryCodes} className={left > few ? undefined : '-ml-3'}>
      {t('recoveryMake')}
    </LinkButton>
  );
  return (
    <div className="mt-6">
      <h3 className="mb-2">{t('recovery')}</h3>
      {left > few ? (
        <>
          <p className="mb-3 max-w-(--measure) text-ink-2">{t('recoveryLeft', { count: left })}</p>
          {make}
        </>
      ) : (
        <Banner tone="warning" action={make}>
          {left > 0 ? `${t('recoveryLeft', { count: left })} ${t('recoveryFew')}` : t('recoveryNone')}
        </Banner>
      )}
    </div>
  );
}

type Off = { password: string } | { mfaToken: string; mfaCode: string; codeMethod: CodeMethod };

/** Asks for the password, and then for any second step that is on: whoever sits down at an open page cannot turn it off. */
function TurnOff({ method, factors, onClose }: { method: FactorMethod; factors: Factors; onClose: () => void }) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const changed = useChanged();
  const box = useRef<HTMLDivElement>(null);
  const [password, setPassword] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [failure, setFailure] = useState<Error>();
  const [challenge, setChallenge] = useState<FactorChallenge>();
  const [busy, setBusy] = useState(false);
  const step = challenge?.mfaToken;

  useEffect(() => {
    // The second step, and the way back from it, begin at their field.
    box.current?.querySelector<HTMLElement>('input:not([hidden])')?.focus();
  }, [step]);

  const turnOff = async (proof: Off) => {
    await api('auth/mfa/disable', { method: 'POST', body: { method, ...proof } });
    onClose();
    toast(t('wasTurnedOff'));
    await changed();
  };

  const refuse = (message: string) => {
    setWrong(message);
    document.getElementById('offPassword')?.focus();
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setFailure(undefined);
    if (!password) return refuse(t('offPasswordMissing'));
    setWrong(undefined);
    setBusy(true);
    try {
      await turnOff({ password });
    } catch (error) {
      const asked = challengeOf(error);
      if (asked) setChallenge(asked);
      else if (error instanceof ApiError && error.reason === 'WRONG_PASSWORD') refuse(t('offPasswordWrong'));
      else setFailure(error as Error);
    } finally {
      setBusy(false);
    }
  };

  const restart = (reason?: 'expired') => {
    setChallenge(undefined);
    setPassword('');
    setFailure(reason && new Error(t('offExpired')));
  };

  return (
    <Dialog open onClose={onClose} focus="field" title={t(`offTitle.${method}`)}>
      <div ref={box}>
        {challenge ? (
          <>
            <SecondFactorForm
              challenge={challenge}
              action={t('turnOff')}
              onCode={(codeMethod, mfaCode) => turnOff({ mfaToken: challenge.mfaToken, mfaCode, codeMethod })}
              onSend={(by) => api('auth/mfa/challenge', { method: 'POST', body: { mfaToken: challenge.mfaToken, method: by } })}
              onRestart={restart}
            />
            <Actions className="mt-3 -ml-3">
              <Button variant="quiet" small onClick={onClose}>
                {t('cancel')}
              </Button>
            </Actions>
          </>
        ) : (
          <>
            <p className="mb-4">{t(factors.factors.length > 1 ? 'offMore' : factors.passkeys > 0 ? 'offLastPasskey' : 'offLast')}</p>
            <Failure error={failure} says={{ MFA_REQUIRED_BY_CLINIC: t('lastRequired') }} own />
            <form onSubmit={(event) => void submit(event)} noValidate>
              <PasswordInput
                label={t('offPassword')}
                name="offPassword"
                autoComplete="current-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
                error={wrong}
              />
              <div className="mt-6 flex flex-col gap-3 sm:flex-row-reverse sm:flex-wrap">
                <Button variant="primary" type="submit" busy={busy} busyLabel={t('offChecking')}>
                  {t('offGo')}
                </Button>
                <Button variant="quiet" onClick={onClose}>
                  {t('cancel')}
                </Button>
              </div>
            </form>
          </>
        )}
      </div>
    </Dialog>
  );
}

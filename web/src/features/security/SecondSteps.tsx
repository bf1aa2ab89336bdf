import { Mail, MessageSquareText, Smartphone, type LucideIcon } from 'lucide-react';
import { useEffect, useState, type FormEvent } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button, LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { PasswordInput, TextInput } from '@/components/Field';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { api, ApiError } from '@/lib/pb';
import { useProven } from '@/lib/proof';
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

function TurnOff({ method, factors, onClose }: { method: FactorMethod; factors: Factors; onClose: () => void }) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const changed = useChanged();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [missing, setMissing] = useState<{ password?: string; code?: string }>({});
  const hasApp = factors.factors.some((one) => one.method === 'totp');
  const off = useProven((body: { method: FactorMethod; password: string; mfaCode: string }) => api<{ enabled: boolean }>('auth/mfa/disable', { method: 'POST', body }));
  const reason = off.error instanceof ApiError ? off.error.reason : undefined;
  const refused = reason === 'WRONG_PASSWORD' ? 'offPassword' : reason === 'MFA_INVALID' ? 'offCode' : undefined;

  useEffect(() => {
    if (off.error && refused) document.getElementById(refused)?.focus();
  }, [off.error, refused]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (off.busy) return;
    const mfaCode = code.replace(/\s/g, '');
    const found = { password: password ? undefined : t('offPasswordMissing'), code: mfaCode ? undefined : t('offCodeMissing') };
    setMissing(found);
    const first = found.password ? 'offPassword' : found.code ? 'offCode' : undefined;
    if (first) return document.getElementById(first)?.focus();
    if (!(await off.run({ method, password, mfaCode }))) return;
    onClose();
    toast(t('wasTurnedOff'));
    await changed();
  };

  return (
    <Dialog open onClose={onClose} focus="field" title={t(`offTitle.${method}`)}>
      <p className="mb-4">{t(factors.factors.length > 1 ? 'offMore' : 'offLast')}</p>
      <Failure
        error={refused ? null : off.error}
        says={{ MFA_REQUIRED: t('offCodeWrong'), MFA_REQUIRED_BY_CLINIC: t('lastRequired') }}
      />
      <form onSubmit={(event) => void submit(event)} noValidate className="grid gap-6">
        <PasswordInput
          label={t('offPassword')}
          name="offPassword"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={missing.password ?? (refused === 'offPassword' ? t('offPasswordWrong') : undefined)}
        />
        <TextInput
          label={t(hasApp ? 'offCodeApp' : 'offCodeRecovery')}
          hint={hasApp ? undefined : t('offCodeHint')}
          name="offCode"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          className="font-mono"
          value={code}
          onChange={(event) => setCode(event.target.value)}
          error={missing.code ?? (refused === 'offCode' ? t('offCodeWrong') : undefined)}
        />
        <div className="flex flex-col gap-3 sm:flex-row-reverse sm:flex-wrap">
          <Button variant="danger" type="submit" busy={off.busy} busyLabel={t('turningOff')}>
            {t('turnOff')}
          </Button>
          <Button variant="quiet" onClick={onClose}>
            {t('cancel')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

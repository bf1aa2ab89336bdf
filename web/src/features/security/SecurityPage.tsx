import { AtSign, KeyRound, Link2, LockKeyhole, Mail, ShieldCheck } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useConfig } from '@/lib/config';
import { useSession } from '@/lib/session';
import { useFactors, useLinks, usePendingEmail, type Factors } from './data';
import { LinksSection } from './Links';
import { PasskeysSection } from './Passkeys';
import { SecondSection } from './SecondSteps';
import { useSecurityWords } from './words';

/** What stands below comes when it is there: the page does not wait for it. */
const DevicesSection = lazy(() => import('./Devices').then((one) => ({ default: one.DevicesSection })));

/** How one signs in, with what is on and off in plain words, and where one is signed in. */
export function Component() {
  const { t } = useSecurityWords();
  const { features } = useConfig();
  const factors = useFactors();
  const lead = factors.data && leadOf(factors.data);
  return (
    <Page title={t('title')} lead={lead && t(lead)} back={{ to: paths.profile, label: t('toProfile') }} banner={<EmailWaiting />}>
      <QueryView query={factors}>
        {(data) => (
          <>
            <HowYouSignIn factors={data} />
            {data.policy !== 'off' && <SecondSection factors={data} />}
            {(features.passkeys || data.passkeys > 0) && <PasskeysSection />}
            <LinksSection />
            <Suspense>
              <DevicesSection />
            </Suspense>
            <CloseSection />
          </>
        )}
      </QueryView>
    </Page>
  );
}

function leadOf({ policy, enabled, passkeys }: Factors): 'leadPasskey' | 'leadTwo' | 'leadOff' | 'leadPlain' {
  if (passkeys > 0) return 'leadPasskey';
  if (enabled || policy === 'required') return 'leadTwo';
  return policy === 'off' ? 'leadOff' : 'leadPlain';
}

/** A change of address that waits for its codes. */
function EmailWaiting() {
  const { t } = useSecurityWords();
  const { data } = usePendingEmail();
  if (!data?.pending) return null;
  return (
    <Banner
      action={
        <LinkButton variant="quiet" small to={paths.changeEmail} className="-ml-3">
          {t('finish')}
        </LinkButton>
      }
    >
      {t('emailWaiting', { email: data.pending.email })}
    </Banner>
  );
}

function HowYouSignIn({ factors }: { factors: Factors }) {
  const { t, language } = useSecurityWords();
  const { features } = useConfig();
  const session = useSession();
  const links = useLinks().data?.links ?? [];
  const list = (names: string[]) => new Intl.ListFormat(language, { type: 'conjunction' }).format(names);
  const second = factors.enabled
    ? t('secondOn', { methods: list(factors.factors.map((one) => t(`in.${one.method}`))) })
    : t(factors.policy === 'required' ? 'secondRequiredOff' : 'secondOff');
  const change = (to: string, label: string) => (
    <LinkButton small to={to} aria-label={label}>
      {t('change')}
    </LinkButton>
  );
  return (
    <Section title={t('how')} className="">
      <Rows>
        <Row
          icon={AtSign}
          title={t('email')}
          meta={[session.status === 'signed-in' && <span className="min-w-0 break-words">{session.user.email}</span>]}
          asideBelow
          aside={change(paths.changeEmail, t('changeEmail'))}
        />
        <Row icon={LockKeyhole} title={t('password')} meta={[t('passwordOn')]} asideBelow aside={change(paths.changePassword, t('changePassword'))} />
        {factors.policy !== 'off' && <Row icon={ShieldCheck} title={t('secondStep')} meta={[second]} />}
        {(features.passkeys || factors.passkeys > 0) && (
          <Row icon={KeyRound} title={t('passkeys')} meta={[factors.passkeys > 0 ? t('passkeyCount', { count: factors.passkeys }) : t('passkeyNone')]} />
        )}
        {features.magicLink && <Row icon={Mail} title={t('mailLink')} meta={[t('mailLinkOn')]} />}
        {links.length > 0 && <Row icon={Link2} title={t('links')} meta={[t('linkedWith', { names: list(links.map((one) => one.name)) })]} />}
      </Rows>
    </Section>
  );
}

function CloseSection() {
  const { t } = useSecurityWords();
  return (
    <Section title={t('close')}>
      <p className="mb-4 max-w-(--measure) text-ink-2">{t('closeLead')}</p>
      <LinkButton to={paths.closeAccount}>{t('closeGo')}</LinkButton>
    </Section>
  );
}

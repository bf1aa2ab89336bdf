import { CalendarCog, Eye, LogOut, ShieldCheck, UsersRound } from 'lucide-react';
import { paths } from '@/app/paths';
import { Button } from '@/components/Button';
import { Card, Details, Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { Select } from '@/components/Field';
import { Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { languageNames, languages, setLanguage, useLanguage, type Language } from '@/lib/i18n';
import { useApi } from '@/lib/query';
import { signOut, useActingFor, useSession } from '@/lib/session';
import { setTheme, themes, useTheme, type Theme } from '@/lib/theme';
import type { Profile } from '@/lib/types';
import { PhoneSection } from './Phone';
import { PictureSection } from './Picture';
import { useProfileWords } from './words';

export function Component() {
  const { t } = useProfileWords();
  const { phone, features } = useConfig();
  const { client, forSomeoneElse } = useActingFor();
  const query = useApi<Profile>('profile');
  return (
    <Page title={t('title')} lead={t('lead', { phone: phone ? t('atPhone', { phone }) : '' })}>
      <Section className="" title={forSomeoneElse && client ? t('detailsOf', { name: client.firstName }) : t('details')}>
        <QueryView query={query}>{(profile) => <OnFile profile={profile} />}</QueryView>
      </Section>
      {query.data && <PictureSection key={`picture of ${query.data.clientId}`} profile={query.data} />}
      {features.sms && query.data && <PhoneSection key={query.data.clientId} profile={query.data} />}
      <Section title={t('account')}>
        <Rows>
          <Row icon={Eye} title={forSomeoneElse && client ? t('accessLogOf', { name: client.firstName }) : t('accessLog')} meta={[t('accessLogAbout')]} to={paths.accessLog} />
          <Row icon={ShieldCheck} title={t('security')} meta={[t('securityAbout')]} to={paths.security} />
          <Row icon={CalendarCog} title={t('calendar')} meta={[t('calendarAbout')]} to={paths.calendar} />
          <Row icon={UsersRound} title={t('family')} meta={[t('familyAbout')]} to={paths.family} />
        </Rows>
      </Section>
      <ThisDevice />
      <SignInSection />
    </Page>
  );
}

function OnFile({ profile }: { profile: Profile }) {
  const { t } = useProfileWords();
  const format = useFormat();
  const { address, emergencyContact } = profile;
  const items = [
    { label: t('name'), value: `${profile.firstName} ${profile.lastName}` },
    profile.preferredName && { label: t('preferredName'), value: profile.preferredName },
    profile.pronouns && { label: t('pronouns'), value: profile.pronouns },
    { label: t('dateOfBirth'), value: format.date(profile.dateOfBirth) },
    { label: t('email'), value: profile.email || t('none') },
    { label: t('phone'), value: <PhoneNumber profile={profile} /> },
    { label: t('address'), value: address ? `${address.street}, ${address.city}, ${address.state} ${address.zipCode}` : t('none') },
    { label: t('emergency'), value: emergencyContact ? `${emergencyContact.name}, ${emergencyContact.relationship}, ${emergencyContact.phone}` : t('none') },
    profile.creditBalanceCents > 0 && { label: t('credit'), value: format.money(profile.creditBalanceCents) },
  ];
  return (
    <Card>
      <Details items={items.filter((item) => typeof item === 'object')} />
    </Card>
  );
}

function PhoneNumber({ profile: { phone, phoneVerified } }: { profile: Profile }) {
  const { t } = useProfileWords();
  if (!phone) return t('none');
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      {phone}
      {phoneVerified ? <Chip kind="confirmed" /> : <span className="text-sm text-ink-2">{t('phoneUnproven')}</span>}
    </span>
  );
}

function ThisDevice() {
  const { t } = useProfileWords();
  const { languages: offered } = useConfig();
  const language = useLanguage();
  const theme = useTheme();
  const choices = languages.filter((one) => offered.includes(one));
  return (
    <Section title={t('device')}>
      <Card className="grid gap-6 sm:grid-cols-2">
        {choices.length > 1 && (
          <Select name="language" label={t('language')} value={language} onChange={(event) => void setLanguage(event.target.value as Language)}>
            {choices.map((one) => (
              <option key={one} value={one} lang={one}>
                {languageNames[one]}
              </option>
            ))}
          </Select>
        )}
        <Select name="theme" label={t('theme')} value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          {themes.map((one) => (
            <option key={one} value={one}>
              {t(`theme.${one}`)}
            </option>
          ))}
        </Select>
      </Card>
    </Section>
  );
}

function SignInSection() {
  const { t } = useProfileWords();
  const session = useSession();
  if (session.status !== 'signed-in') return null;
  return (
    <Section title={t('signIn')}>
      <p className="mb-4 text-ink-2">{t('signedInAs', { email: session.user.email })}</p>
      <Button icon={LogOut} onClick={() => void signOut()}>
        {t('signOut')}
      </Button>
    </Section>
  );
}

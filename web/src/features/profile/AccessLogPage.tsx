import { Download, Eye, PenLine, Siren, UsersRound, type LucideIcon } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { EmptyState } from '@/components/EmptyState';
import { Failure } from '@/components/Failure';
import { IconDisc } from '@/components/Icon';
import { InlineError, Page, PhoneLink } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { TabLinks } from '@/components/TabLinks';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { useActingFor } from '@/lib/session';
import { byDay, calendarDay, isAtTheClinic, mannerOf, useAccessLog, type Line, type Look } from './accessLog';
import { useAccessLogWords } from './accessLogWords';

/** The history of one record, in sentences: who opened it, who changed it, and when. */
export function Component() {
  const { client, forSomeoneElse } = useActingFor();
  const name = forSomeoneElse ? client?.firstName : undefined;
  const { t } = useAccessLogWords(name);
  const [params] = useSearchParams();
  const log = useAccessLog();
  const onlyClinic = params.get('who') === 'clinic';
  const { data, error } = log;
  const refused = name && (error?.status === 403 || error?.status === 404);

  return (
    <Page title={name ? t('titleOf', { name }) : t('title')} lead={t('lead')} back={{ to: paths.profile, label: t('toProfile') }}>
      <About name={name} />
      {data ? (
        <>
          {data.length > 0 && (
            <TabLinks
              label={t('filter')}
              current={onlyClinic ? 'clinic' : 'everybody'}
              tabs={[
                { key: 'everybody', label: t('everybody'), to: '?' },
                { key: 'clinic', label: t('clinic'), to: '?who=clinic' },
              ]}
            />
          )}
          <Looks looks={data} onlyClinic={onlyClinic} more={log.hasNextPage} name={name} />
          {log.isFetchNextPageError && <Failure error={error} className="mt-4" />}
          {log.hasNextPage && (
            <div className="mt-4">
              <Button busy={log.isFetchingNextPage} busyLabel={t('loading')} onClick={() => void log.fetchNextPage()}>
                {t('earlier')}
              </Button>
            </div>
          )}
        </>
      ) : refused ? (
        <EmptyState icon={UsersRound}>{t('refused', { name })}</EmptyState>
      ) : error ? (
        <InlineError error={error} onRetry={() => void log.refetch()} />
      ) : (
        <Skeleton onRetry={() => void log.refetch()} />
      )}
    </Page>
  );
}

/** What is written down, that it stays, and whom to ask. */
function About({ name }: { name?: string }) {
  const { t, rich } = useAccessLogWords(name);
  const { phone } = useConfig();
  return (
    <div className="mb-6 grid max-w-(--measure) gap-2 text-sm text-ink-2">
      <p>{t('about')}</p>
      <p>{phone ? rich('askPhone', { a: <PhoneLink phone={phone} /> }, { phone }) : t('ask')}</p>
    </div>
  );
}

function Looks({ looks, onlyClinic, more, name }: { looks: Look[]; onlyClinic: boolean; more: boolean; name?: string }) {
  const { t, sentence } = useAccessLogWords(name);
  const { phone } = useConfig();
  const format = useFormat();
  const shown = onlyClinic ? looks.filter(isAtTheClinic) : looks;
  const days = byDay(shown, sentence, calendarDay(format));

  if (shown.length === 0) {
    const empty = looks.length === 0 ? (name ? t('emptyOf', { name }) : t('empty')) : t(more ? 'emptyClinicSoFar' : 'emptyClinic');
    return (
      <div className="mt-6">
        <EmptyState icon={Eye}>{empty}</EmptyState>
      </div>
    );
  }
  return (
    <>
      {shown.some((look) => look.breakGlass) && (
        <Banner tone="warning" className="mt-6">
          <p className="font-semibold">{t('emergency')}</p>
          <p>{t('emergencyAbout', { phone: phone ? t('atPhone', { phone }) : '' })}</p>
        </Banner>
      )}
      {days.map(({ day, lines }) => (
        <Section key={day} className="mt-6" title={capital(format.relativeDay(day))}>
          <Rows>
            {lines.map((line, index) => (
              <LookRow key={index} line={line} name={name} />
            ))}
          </Rows>
        </Section>
      ))}
      <p role="status" className="sr-only">
        {t('shown', { count: days.reduce((sum, { lines }) => sum + lines.length, 0) })}
      </p>
    </>
  );
}

function LookRow({ line, name }: { line: Line; name?: string }) {
  const { t, roleOf } = useAccessLogWords(name);
  const format = useFormat();
  const role = roleOf(line);
  return (
    <div className="flex items-start gap-4 px-5 py-3 lg:px-6">
      <IconDisc small of={iconOf(line)} />
      <div className="min-w-0 flex-1">
        <p className="break-words">{line.says}</p>
        <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1 text-sm text-ink-2">
          {line.breakGlass && <Chip kind="emergency" />}
          {role && <span>{role}</span>}
          <span>{format.time(line.at)}</span>
          {line.count > 1 && <span>{t('times', { count: line.count })}</span>}
        </p>
      </div>
    </div>
  );
}

function iconOf({ action, breakGlass }: Line): LucideIcon {
  if (breakGlass) return Siren;
  const manner = mannerOf(action);
  return manner === 'look' ? Eye : manner === 'download' ? Download : PenLine;
}

/** Spanish writes days in small letters; a heading begins with a capital. */
function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

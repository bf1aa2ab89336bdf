import { CalendarCog, Copy, Link2 } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Card, Row, Rows, Section } from '@/components/Card';
import { Failure } from '@/components/Failure';
import { Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useToast } from '@/components/Toast';
import { copyText } from '@/lib/copy';
import { useFormat } from '@/lib/format';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useApi, useInvalidate } from '@/lib/query';
import { useActingFor } from '@/lib/session';
import type { CalendarFeed, NotificationPreferences } from '@/lib/types';
import { Preferences } from './Preferences';
import { useCalendarWords } from './words';

const ConfirmDialog = lazy(() => import('@/components/ConfirmDialog').then((one) => ({ default: one.ConfirmDialog })));

/** /settings/calendar: the private calendar address, and by which way one is told of what. */
export function Component() {
  const { t } = useCalendarWords();
  const { client, forSomeoneElse } = useActingFor();
  const feeds = useApi<{ feeds: CalendarFeed[] }>('calendar/feeds', { enabled: client?.scope !== 'billing' });
  const preferences = useApi<NotificationPreferences>('notifications/preferences');
  return (
    <Page title={t('title')} lead={t('lead')} back={{ to: paths.profile, label: t('back') }}>
      {client?.scope !== 'billing' && (
        <Section title={forSomeoneElse && client ? t('feedOf', { name: client.firstName }) : t('feed')} className="">
          <p className="max-w-(--measure)">{t('feedAbout')}</p>
          <Banner tone="warning" className="my-4">
            {t('feedWarning')}
          </Banner>
          <QueryView query={feeds}>{(data) => <Feeds key={client?.clientId} feeds={data.feeds} />}</QueryView>
        </Section>
      )}
      <Section title={t('reach')}>
        <p className="mb-4 max-w-(--measure)">{t('reachAbout')}</p>
        <QueryView query={preferences}>{(data) => <Preferences saved={data} />}</QueryView>
      </Section>
    </Page>
  );
}

function Feeds({ feeds }: { feeds: CalendarFeed[] }) {
  const { t } = useCalendarWords();
  const format = useFormat();
  const toast = useToast();
  const invalidate = useInvalidate();
  const [leaving, setLeaving] = useState<CalendarFeed>();
  const [made, setMade] = useState<{ id: string; url: string }>();
  const make = useProven(() => api<{ id: string; url: string }>('calendar/feeds', { method: 'POST', body: {} }));
  const revoke = useProven((id: string) => api<unknown>(`calendar/feeds/${encodeURIComponent(id)}`, { method: 'DELETE' }));

  return (
    <>
      <Failure error={make.error} className="mb-4" />
      {made && <Shown url={made.url} />}
      {feeds.length === 0 ? (
        <p className="text-ink-2">{t('none')}</p>
      ) : (
        <>
          <h3 className="mb-2">{t('feeds')}</h3>
          <Rows>
            {feeds.map((one) => (
              <Row
                key={one.id}
                icon={CalendarCog}
                level={3}
                title={t('made', { day: format.date(one.createdAt) })}
                meta={[one.lastUsed ? t('lastUsed', { when: format.ago(one.lastUsed) }) : t('neverUsed')]}
                asideBelow
                aside={
                  <Button small aria-label={t('revokeOf', { day: format.date(one.createdAt) })} onClick={() => setLeaving(one)}>
                    {t('revoke')}
                  </Button>
                }
              />
            ))}
          </Rows>
        </>
      )}
      <Actions className="mt-4">
        <Button
          icon={Link2}
          busy={make.busy}
          busyLabel={t('making')}
          onClick={() =>
            void make.run().then((data) => {
              if (!data) return;
              setMade(data);
              return invalidate('calendar');
            })
          }
        >
          {t('make')}
        </Button>
      </Actions>
      <Suspense>
      {leaving && (
        <ConfirmDialog
          title={t('revokeTitle')}
          action={t('revokeDo')}
          busyLabel={t('revoking')}
          keep={t('keep')}
          act={revoke}
          onClose={() => setLeaving(undefined)}
          onConfirm={async () => {
            if (!(await revoke.run(leaving.id))) return;
            if (made?.id === leaving.id) setMade(undefined);
            setLeaving(undefined);
            toast(t('revoked'));
            await invalidate('calendar');
          }}
        >
          {t('revokeBody')}
        </ConfirmDialog>
      )}
      </Suspense>
    </>
  );
}

/** The new address, once. */
function Shown({ url }: { url: string }) {
  const { t } = useCalendarWords();
  const toast = useToast();
  const [failed, setFailed] = useState(false);
  const copy = async () => {
    if (await copyText(url)) toast(t('copied'));
    else setFailed(true);
  };
  return (
    <Card className="mb-6">
      <p role="status">{t('shownOnce')}</p>
      <label htmlFor="feed-url" className="mt-4 block font-semibold">
        {t('address')}
      </label>
      <input
        id="feed-url"
        readOnly
        value={url}
        onFocus={(event) => event.currentTarget.select()}
        className="mt-2 min-h-12 w-full rounded-md border border-line-strong bg-surface px-3.5 py-2 font-mono text-sm"
      />
      {failed && (
        <p role="alert" className="mt-2 text-sm text-ink-2">
          {t('copyFailed')}
        </p>
      )}
      <Actions className="mt-4">
        <Button variant="primary" icon={Copy} onClick={() => void copy()}>
          {t('copy')}
        </Button>
      </Actions>
    </Card>
  );
}

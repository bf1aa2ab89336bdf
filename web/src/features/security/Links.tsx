import { Link2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { Failure } from '@/components/Failure';
import { InlineError } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { useFormat } from '@/lib/format';
import { api, ApiError, apiErrorOf, pb } from '@/lib/pb';
import { NotProven, proveFirst, proven, useProven } from '@/lib/proof';
import { useChanged, useLinks, type Provider } from './data';
import { useSecurityWords } from './words';

async function link(provider: string): Promise<void> {
  try {
    await pb.collection('portal_users').authWithOAuth2({ provider });
  } catch (cause) {
    throw apiErrorOf(cause);
  }
}

/** Accounts elsewhere that sign in here. Without any, and none to be had, there is nothing to show. */
export function LinksSection() {
  const { t } = useSecurityWords();
  const format = useFormat();
  const toast = useToast();
  const changed = useChanged();
  const query = useLinks();
  const [waiting, setWaiting] = useState<string>();
  const [failed, setFailed] = useState<Error>();
  const [leaving, setLeaving] = useState<Provider>();
  const remove = useProven((provider: string) => api<unknown>(`auth/links/${encodeURIComponent(provider)}`, { method: 'DELETE' }));

  const connect = async ({ provider, name }: Provider) => {
    setFailed(undefined);
    setWaiting(name);
    try {
      // The other side's window opens once: the proof comes before it.
      await proveFirst();
      await proven(() => link(provider));
      toast(t('connected', { name }));
      await changed();
    } catch (error) {
      if (error instanceof NotProven) return;
      // What goes wrong on the other side comes without a sentence for people.
      setFailed(error instanceof ApiError && error.status !== 0 ? error : new Error(t('connectFailed', { name })));
    } finally {
      setWaiting(undefined);
    }
  };

  if (query.isError && !query.data) {
    return (
      <Section title={t('links')}>
        <InlineError error={query.error} onRetry={() => void query.refetch()} />
      </Section>
    );
  }
  const { links = [], available = [] } = query.data ?? {};
  const free = available.filter((one) => !links.some((linked) => linked.provider === one.provider));
  if (links.length + free.length === 0) return null;
  return (
    <Section title={t('links')}>
      <p className="mb-4 max-w-(--measure) text-ink-2">{t('linksLead')}</p>
      <Failure own error={failed} className="mb-4" />
      {links.length > 0 && (
        <Rows className="mb-4">
          {links.map((one) => (
            <Row
              key={one.provider}
              icon={Link2}
              title={one.name}
              meta={[t('linkedOn', { day: format.date(one.createdAt) })]}
              asideBelow
              aside={
                <Button small aria-label={t('disconnectOf', { name: one.name })} onClick={() => setLeaving(one)}>
                  {t('disconnect')}
                </Button>
              }
            />
          ))}
        </Rows>
      )}
      <div className="flex flex-wrap gap-3">
        {free.map((one) => (
          <Button key={one.provider} icon={Link2} onClick={() => void connect(one)}>
            {t('connect', { name: one.name })}
          </Button>
        ))}
      </div>
      {/* Whether the other window was closed cannot be known here, so nothing is locked while it is open. */}
      <p role="status" className="text-sm text-ink-2">
        {waiting && t('connecting', { name: waiting })}
      </p>
      {leaving && (
        <ConfirmDialog
          title={t('disconnectTitle', { name: leaving.name })}
          action={t('disconnect')}
          busyLabel={t('disconnecting')}
          keep={t('keep')}
          act={remove}
          onClose={() => setLeaving(undefined)}
          onConfirm={async () => {
            if (!(await remove.run(leaving.provider))) return;
            setLeaving(undefined);
            toast(t('disconnected'));
            await changed();
          }}
        >
          {t('disconnectBody', { name: leaving.name })}
        </ConfirmDialog>
      )}
    </Section>
  );
}

import { Laptop, Smartphone, Tablet, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import { Button } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { Failure } from '@/components/Failure';
import { QueryView } from '@/components/QueryView';
import { useToast } from '@/components/Toast';
import { useFormat } from '@/lib/format';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { signOut } from '@/lib/session';
import { useChanged, useSessions, type Browser, type RememberedDevice, type SessionRow, type Sessions } from './data';
import { useSecurityWords } from './words';

const icons: Record<string, LucideIcon> = { mobile: Smartphone, tablet: Tablet };
const iconOf = (one: Browser) => icons[one.device] ?? Laptop;

/** "Firefox on Windows", or as much of it as the server recognised. */
function useBrowserName(): (one: Browser) => string {
  const { t } = useSecurityWords();
  return ({ browser, os }) => (browser && os ? t('browserOn', { browser, os }) : browser || os || t('unknownDevice'));
}

/** This one first, then what was used last. */
function inOrder(sessions: SessionRow[]): SessionRow[] {
  return [...sessions].sort((a, b) => Number(b.current) - Number(a.current) || Date.parse(b.lastActivity) - Date.parse(a.lastActivity));
}

export function DevicesSection() {
  const { t } = useSecurityWords();
  const query = useSessions();
  return (
    <Section title={t('devices')}>
      <QueryView query={query}>{(data) => <Devices {...data} />}</QueryView>
    </Section>
  );
}

type Leaving = { what: 'session'; one: SessionRow } | { what: 'others' };

function Devices({ sessions, devices }: Sessions) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const changed = useChanged();
  const nameOf = useBrowserName();
  const [leaving, setLeaving] = useState<Leaving>();
  const end = useProven((id: string) => api<unknown>(`auth/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' }));
  const others = sessions.filter((one) => !one.current).length;
  const device = leaving?.what === 'session' ? nameOf(leaving.one) : '';

  return (
    <>
      <p className="mb-4 max-w-(--measure) text-ink-2">{t('devicesLead', { count: sessions.length })}</p>
      <Rows>
        {inOrder(sessions).map((one) => (
          <SessionLine key={one.id} session={one} onSignOut={() => (one.current ? void signOut() : setLeaving({ what: 'session', one }))} />
        ))}
      </Rows>
      {others > 0 && (
        <Button className="mt-4" onClick={() => setLeaving({ what: 'others' })}>
          {t('signOutOthers')}
        </Button>
      )}
      {devices.length > 0 && <RememberedDevices devices={devices} />}
      {leaving && (
        <ConfirmDialog
          title={leaving.what === 'others' ? t('signOutOthersTitle') : t('signOutTitle', { device })}
          action={t(leaving.what === 'others' ? 'signOutOthers' : 'signOut')}
          busyLabel={t('signingOut')}
          keep={t('staySignedIn')}
          act={end}
          onClose={() => setLeaving(undefined)}
          onConfirm={async () => {
            if (!(await end.run(leaving.what === 'others' ? 'others' : leaving.one.id))) return;
            setLeaving(undefined);
            toast(t('signedOut'));
            await changed();
          }}
        >
          {t(leaving.what === 'others' ? 'signOutOthersBody' : 'signOutBody')}
        </ConfirmDialog>
      )}
    </>
  );
}

function SessionLine({ session, onSignOut }: { session: SessionRow; onSignOut: () => void }) {
  const { t } = useSecurityWords();
  const format = useFormat();
  const name = useBrowserName()(session);
  return (
    <Row
      icon={iconOf(session)}
      title={name}
      meta={[
        session.current && <strong className="font-semibold text-ink">{t('thisDevice')}</strong>,
        t(session.place),
        session.current ? t('activeNow') : t('active', { ago: format.ago(session.lastActivity) }),
        session.remembered && t('remembered'),
        <span key="small" className="min-w-0 basis-full text-xs text-ink-3">
          {!session.current && <span className="block">{format.when(session.lastActivity)}</span>}
          {session.ipAddress && <span className="block break-all">{t('address', { ip: session.ipAddress })}</span>}
        </span>,
      ]}
      asideBelow
      aside={
        <Button small aria-label={session.current ? undefined : t('signOutOf', { device: name })} onClick={onSignOut}>
          {t('signOut')}
        </Button>
      }
    />
  );
}

/** Browsers that are not asked for the second step. */
function RememberedDevices({ devices }: { devices: RememberedDevice[] }) {
  const { t } = useSecurityWords();
  const format = useFormat();
  const toast = useToast();
  const changed = useChanged();
  const nameOf = useBrowserName();
  const [forgetting, setForgetting] = useState<string>();
  const forget = useProven((id: string) => api<unknown>(`auth/devices/${encodeURIComponent(id)}`, { method: 'DELETE' }));

  const press = async (one: RememberedDevice) => {
    if (forget.busy) return;
    setForgetting(one.id);
    if (await forget.run(one.id)) {
      toast(t('forgotten'));
      await changed();
    }
    setForgetting(undefined);
  };

  return (
    <div className="mt-8">
      <h3>{t('rememberedTitle')}</h3>
      <p className="mt-1 mb-4 max-w-(--measure) text-ink-2">{t('rememberedLead')}</p>
      <Failure error={forget.error} className="mb-4" />
      <Rows>
        {devices.map((one) => (
          <Row
            key={one.id}
            icon={iconOf(one)}
            title={nameOf(one)}
            meta={[
              one.current && <strong className="font-semibold text-ink">{t('thisDevice')}</strong>,
              one.lastUsedAt && t('lastUsed', { ago: format.ago(one.lastUsedAt) }),
              t('until', { day: format.date(one.expiresAt) }),
            ]}
            asideBelow
            aside={
              <Button small aria-label={t('forgetOf', { device: nameOf(one) })} busy={forgetting === one.id} busyLabel={t('forgetting')} onClick={() => void press(one)}>
                {t('forget')}
              </Button>
            }
          />
        ))}
      </Rows>
    </div>
  );
}

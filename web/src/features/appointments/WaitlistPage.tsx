import { BellRing, Hourglass } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { paths } from '@/app/paths';
import { Button, LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { EmptyState } from '@/components/EmptyState';
import { HelpLine, Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useToast } from '@/components/Toast';
import { WaitlistOffers } from '@/components/WaitlistOffers';
import { personName, useFormat, type Formatter } from '@/lib/format';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useApi, useInvalidate } from '@/lib/query';
import type { WaitlistEntry } from '@/lib/types';
import { wallRange } from '@/lib/visits';
import { useCatalogue } from './choices';
import type { Catalogue } from './request';
import { useWaitlistWords } from './waitlistWords';
import { weekdayName } from './weekdays';

const ConfirmDialog = lazy(() => import('@/components/ConfirmDialog').then((one) => ({ default: one.ConfirmDialog })));

type List = { entries: WaitlistEntry[] };

/** /appointments/waitlist: what one waits for, what is offered, and the way out. */
export function Component() {
  const { t } = useWaitlistWords();
  const query = useApi<List>('waitlist');
  const { catalogue } = useCatalogue();
  const live = query.data?.entries.filter((one) => one.status === 'waiting' || one.status === 'offered');
  const join = (
    <LinkButton variant="primary" to={paths.waitlistJoin}>
      {t('join')}
    </LinkButton>
  );
  return (
    <Page title={t('title')} lead={live ? (live.length > 0 ? t('lead', { count: live.length }) : t('leadNone')) : <>&nbsp;</>} back={{ to: paths.appointments, label: t('back') }}>
      <WaitlistOffers className="mb-8" />
      <QueryView query={query}>
        {() =>
          !live || live.length === 0 ? (
            <EmptyState icon={BellRing} action={join}>
              {t('empty')}
            </EmptyState>
          ) : (
            <>
              <Section title={t('entries')} className="">
                <Entries entries={live} catalogue={catalogue} />
              </Section>
              <LinkButton className="mt-6" to={paths.waitlistJoin}>
                {t('join')}
              </LinkButton>
            </>
          )
        }
      </QueryView>
      <HelpLine className="mt-10" />
    </Page>
  );
}

function Entries({ entries, catalogue }: { entries: WaitlistEntry[]; catalogue?: Catalogue }) {
  const { t } = useWaitlistWords();
  const format = useFormat();
  const toast = useToast();
  const invalidate = useInvalidate();
  const [leaving, setLeaving] = useState<WaitlistEntry>();
  const withdraw = useProven((id: string) => api<unknown>(`waitlist/${encodeURIComponent(id)}`, { method: 'DELETE' }));
  const nameOf = (entry: WaitlistEntry) => catalogue?.services.find((one) => one.id === entry.serviceId)?.name ?? '…';
  return (
    <>
      <Rows>
        {entries.map((entry) => {
          const who = catalogue?.providers.find((one) => one.id === entry.clinicianId);
          const where = catalogue?.locations.find((one) => one.id === entry.locationId);
          return (
            <Row
              key={entry.id}
              icon={Hourglass}
              title={nameOf(entry)}
              chip={entry.status === 'offered' ? <Chip kind="confirmed">{t('offered')}</Chip> : <Chip kind="waiting">{t('waiting')}</Chip>}
              meta={[
                who ? t('withName', { name: personName(who) }) : t('anyone'),
                entry.serviceLocation === 'TELEHEALTH' ? t('byVideo') : where && t('atPlace', { place: where.name }),
                daysOf(entry.days, format) || t('anyDay'),
                windowOf(entry, format, t),
                entry.expiresOn && t('until', { day: format.date(entry.expiresOn) }),
              ]}
              asideBelow
              aside={
                <Button small aria-label={t('withdrawOf', { what: nameOf(entry) })} onClick={() => setLeaving(entry)}>
                  {t('withdraw')}
                </Button>
              }
            />
          );
        })}
      </Rows>
      <Suspense>
      {leaving && (
        <ConfirmDialog
          title={t('withdrawTitle')}
          action={t('withdrawDo')}
          busyLabel={t('withdrawing')}
          keep={t('keep')}
          act={withdraw}
          onClose={() => setLeaving(undefined)}
          onConfirm={async () => {
            if (!(await withdraw.run(leaving.id))) return;
            setLeaving(undefined);
            toast(t('withdrawn'));
            await invalidate('waitlist');
          }}
        >
          {t('withdrawBody', { what: nameOf(leaving) })}
        </ConfirmDialog>
      )}
      </Suspense>
    </>
  );
}

function daysOf(days: number[], format: Formatter): string {
  return days.length === 0 || days.length === 7 ? '' : days.map((day) => weekdayName(day, format)).join(', ');
}

function windowOf({ from, to }: WaitlistEntry, format: Formatter, t: ReturnType<typeof useWaitlistWords>['t']): string {
  if (from && to) return wallRange(from, to, format);
  if (from) return t('after', { from: format.wall(from) });
  return to ? t('before', { to: format.wall(to) }) : t('anyTime');
}

import { useState } from 'react';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useApi } from '@/lib/query';
import type { Appointment, VisitHistory } from '@/lib/types';
import { asTitle } from '@/lib/visits';
import { useActWords } from './visitWords';

const known = ['requested', 'booked', 'scheduled', 'confirmed', 'moved', 'cancelled', 'declined', 'arrived', 'room_ready', 'in_progress', 'completed', 'no_show'] as const;
const people = ['you', 'clinic', 'system'] as const;

/** What happened to the visit and who did it; read when it is opened. */
export function History({ visit }: { visit: Appointment }) {
  const { t } = useActWords();
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-8" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="min-h-11 cursor-pointer py-2 font-semibold text-accent-text">{t('history')}</summary>
      {open && <Events visit={visit} />}
    </details>
  );
}

function Events({ visit }: { visit: Appointment }) {
  const { t } = useActWords();
  const query = useApi<VisitHistory>(`appointments/${encodeURIComponent(visit.id)}/history`);
  return (
    <QueryView query={query} skeleton={<Skeleton shape="text" />}>
      {({ events }) =>
        events.length === 0 ? (
          <p className="text-ink-2">{t('historyEmpty')}</p>
        ) : (
          <ol className="mt-2 grid gap-3">
            {events.map((event, index) => {
              const what = known.find((one) => one === event.what);
              const by = people.find((one) => one === event.by);
              return (
                <li key={index}>
                  <p>
                    <span className="font-semibold">{t(`what.${what ?? 'other'}`)}</span> {by ? t(`by.${by}`) : event.by}
                    {event.fromDisplay && event.toDisplay && <>, {t('fromTo', { from: event.fromDisplay, to: event.toDisplay })}</>}
                  </p>
                  {event.reason && <p className="text-ink-2">{t('reasonWas', { reason: event.reason })}</p>}
                  <p className="text-sm text-ink-2">{asTitle(event.atDisplay)}</p>
                </li>
              );
            })}
          </ol>
        )
      }
    </QueryView>
  );
}

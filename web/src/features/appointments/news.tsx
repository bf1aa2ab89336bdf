import { useState } from 'react';
import { Banner, type BannerTone } from '@/components/Banner';
import { useFormat } from '@/lib/format';
import type { Appointment } from '@/lib/types';
import { visitTime } from './parts';
import { useVisitWords } from './words';

type Kind = 'liveConfirmed' | 'liveDeclined' | 'liveCancelled' | 'liveChanged';
const tones: Record<Kind, BannerTone> = { liveConfirmed: 'success', liveDeclined: 'info', liveCancelled: 'warning', liveChanged: 'info' };

/** What the clinic did between two answers of the server; the latest of several. */
export function newsBetween(before: Appointment[], after: Appointment[]): { kind: Kind; visit: Appointment } | undefined {
  return after
    .flatMap((visit) => {
      const old = before.find((one) => one.id === visit.id);
      const kind = old && kindOf(old, visit);
      return kind ? [{ kind, visit }] : [];
    })
    .sort((a, b) => a.visit.updatedAt.localeCompare(b.visit.updatedAt))
    .at(-1);
}

function kindOf(old: Appointment, visit: Appointment): Kind | undefined {
  if (old.status !== visit.status) {
    if (visit.status === 'confirmed' || (visit.status === 'scheduled' && old.status === 'requested')) return 'liveConfirmed';
    if (visit.status === 'declined') return 'liveDeclined';
    return visit.status === 'cancelled' ? 'liveCancelled' : undefined;
  }
  return old.startTime === visit.startTime ? undefined : 'liveChanged';
}

/** Says it in a sentence while the page is open; readers hear it politely. `visits` keeps its identity until it changes. */
export function VisitNews({ visits, className }: { visits: Appointment[]; className?: string }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const [before, setBefore] = useState(visits);
  const [news, setNews] = useState<ReturnType<typeof newsBetween>>();
  if (before !== visits) {
    setBefore(visits);
    const found = newsBetween(before, visits);
    if (found) setNews(found);
  }
  // The region is there before its words are, or readers would miss them.
  return (
    <div role="status" className={news && className}>
      {news && <Banner tone={tones[news.kind]}>{t(news.kind, { when: visitTime(news.visit, format) })}</Banner>}
    </div>
  );
}

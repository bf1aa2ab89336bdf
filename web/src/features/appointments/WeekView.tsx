import { ChevronLeft, ChevronRight } from 'lucide-react';
import { Link, useSearchParams } from 'react-router';
import { paths } from '@/app/paths';
import { cx } from '@/components/cx';
import { Icon } from '@/components/Icon';
import { QueryView } from '@/components/QueryView';
import { useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import type { Appointment, AppointmentList, Day } from '@/lib/types';
import { asTitle, clinicianOf, StatusChip } from './parts';
import { addDays, weekDays } from './preferences';
import { useActWords } from './visitWords';

const gone = ['cancelled', 'declined'];

/** Seven days side by side on a desk, one under the other on a phone. The week is part of the address. */
export default function WeekView() {
  const { t } = useActWords();
  const format = useFormat();
  const [search] = useSearchParams();
  const wished = search.get('week') ?? '';
  const week = weekDays(/^\d{4}-\d{2}-\d{2}$/.test(wished) && !Number.isNaN(Date.parse(wished)) ? wished : format.today(), 0);
  const [first = format.today()] = week;
  const last = week.at(-1) ?? first;
  const query = useApi<AppointmentList>('appointments', { query: { startDate: first, endDate: last, limit: 100 }, keepPrevious: true });
  const to = (day: Day) => {
    const next = new URLSearchParams(search);
    next.set('week', day);
    return `?${next}`;
  };
  return (
    <section aria-labelledby="week">
      <div className="flex items-center justify-between gap-4">
        <h2 id="week" aria-live="polite">
          {t('weekOf', { day: format.date(first) })}
        </h2>
        <div className="flex gap-1">
          <Turn icon={ChevronLeft} label={t('weekBefore')} to={to(addDays(first, -7))} />
          <Turn icon={ChevronRight} label={t('weekAfter')} to={to(addDays(first, 7))} />
        </div>
      </div>
      <QueryView query={query}>
        {({ appointments }) => (
          <ol className="mt-3 grid divide-y divide-line rounded-lg border border-line bg-surface lg:grid-cols-7 lg:divide-x lg:divide-y-0">
            {week.map((day) => (
              <DayCell key={day} day={day} today={day === format.today()} visits={appointments.filter((one) => one.appointmentDate === day && !gone.includes(one.status))} />
            ))}
          </ol>
        )}
      </QueryView>
    </section>
  );
}

function DayCell({ day, today, visits }: { day: Day; today: boolean; visits: Appointment[] }) {
  const { t } = useActWords();
  const format = useFormat();
  const tile = format.tile(day);
  return (
    <li className="min-w-0 px-5 py-3 lg:min-h-40 lg:px-2">
      <h3 className={cx('text-sm font-semibold', today && 'text-accent-text')} aria-current={today ? 'date' : undefined}>
        <span className="lg:hidden">{asTitle(format.day(day))}</span>
        <span aria-hidden className="max-lg:hidden">
          {tile.weekday} {tile.day}
        </span>
        <span className="sr-only max-lg:hidden">{format.day(day)}</span>
      </h3>
      {visits.length === 0 ? (
        <p className="text-sm text-ink-2 lg:sr-only">{t('nothing')}</p>
      ) : (
        <ul className="mt-2 grid gap-2">
          {visits.map((visit) => (
            <li key={visit.id} className="relative rounded-sm bg-accent-tint px-3 py-2 text-sm hover:bg-accent-tint-2 lg:px-2">
              <Link to={paths.appointment(visit.id)} className="block font-semibold text-ink no-underline after:absolute after:inset-0">
                {format.wall(visit.localStart)}
                <span className="block font-normal">{visit.appointmentType}</span>
              </Link>
              <span className="block text-ink-2">{clinicianOf(visit)}</span>
              <StatusChip status={visit.status} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Turn({ icon, label, to }: { icon: typeof ChevronLeft; label: string; to: string }) {
  return (
    <Link to={to} aria-label={label} preventScrollReset className="grid size-11 place-items-center rounded-md text-ink-2 hover:bg-sunken">
      <Icon of={icon} />
    </Link>
  );
}

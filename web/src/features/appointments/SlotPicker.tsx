import { BellRing, CalendarDays, CalendarX, ChevronLeft, ChevronRight } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { Link } from 'react-router';
import { Button, LinkButton } from '@/components/Button';
import { cx } from '@/components/cx';
import { EmptyState } from '@/components/EmptyState';
import { Icon } from '@/components/Icon';
import { InlineError } from '@/components/Page';
import { useFormat, type Formatter } from '@/lib/format';
import { useLanguage } from '@/lib/i18n';
import { useWide } from '@/lib/media';
import type { Day, Slot } from '@/lib/types';
import { asTitle } from '@/lib/visits';
import { useBookWords } from './bookWords';
import { addDays, weekDays } from './preferences';
import { useSlotName } from './slotName';
import { byPart, clockChange, DAYS_SHOWN, deviceTime, listedDays, monthWeeks, nextDay, nextKey, offsetWords, slotKey, WINDOW_DAYS, WINDOWS_MOST, type DaySlots } from './slots';
import type { Times } from './useTimes';

interface SlotPickerProps {
  times: Times;
  /** What the place's clocks are called: its town. */
  city: string;
  /** Keys of what is chosen. */
  chosen: string[];
  onChoose: (slot: Slot) => void;
  /** Times that the server has just refused. */
  gone?: ReadonlySet<string>;
  /** Up to three may be chosen, and taken back by another press. */
  several?: boolean;
  /** Where to wait when nothing suits. */
  waitlist?: { to: string; state?: unknown };
}

/** The week, the days with their free times, and the way to later ones. Choosing never moves on. */
export function SlotPicker({ times, city, chosen, onChoose, gone, several, waitlist }: SlotPickerProps) {
  const { t, rich } = useBookWords();
  const format = useFormat();
  const wide = useWide();
  const [start, setStart] = useState<Day>();
  const [pages, setPages] = useState(1);
  const [month, setMonth] = useState(false);

  const days = gone?.size ? times.days.map((day) => ({ ...day, slots: day.slots.filter((slot) => !gone.has(slotKey(slot))) })) : times.days;
  const open = new Map(days.map((day) => [day.date, day]));
  const firstOpen = days.find((day) => day.slots.length > 0 && day.date >= (start ?? times.today))?.date;
  const from = start ?? firstOpen ?? times.today;
  const { items, more } = listedDays(days, from, pages * DAYS_SHOWN);
  const shown = items.flatMap((one) => (one.kind === 'day' ? one.day.slots : []));
  const week = weekDays(from, 0);

  const show = (day: Day) => {
    setStart(day);
    setPages(1);
    times.reach(addDays(day, WINDOW_DAYS));
  };
  const later = () => {
    setPages(pages + 1);
    if (!more) times.reach(addDays(times.days.at(-1)?.date ?? times.today, 1));
  };

  if (times.error && times.days.length === 0) return <InlineError error={times.error} onRetry={times.retry} />;
  if (times.loading && times.days.length === 0) return <Waiting />;
  if (!days.some((day) => day.slots.length > 0) && !times.loading && !times.about?.nextAvailable) {
    const n = Math.ceil((WINDOW_DAYS * (times.complete ? WINDOWS_MOST : Math.ceil(times.days.length / WINDOW_DAYS))) / 7);
    return (
      <EmptyState
        icon={CalendarX}
        action={
          waitlist && (
            <LinkButton variant="primary" to={waitlist.to} state={waitlist.state}>
              {t('joinWaitlist')}
            </LinkButton>
          )
        }
      >
        {t(waitlist ? 'none' : 'nonePlain', { n })}
      </EmptyState>
    );
  }

  const change = clockChange(shown);
  return (
    <div>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <h2 aria-live="polite">{monthTitle(week[3] ?? from, format.language)}</h2>
        <div className="flex items-center gap-1">
          {wide && (
            <Button variant="quiet" small icon={CalendarDays} aria-expanded={month} onClick={() => setMonth(!month)}>
              {t(month ? 'hideMonth' : 'showMonth')}
            </Button>
          )}
          <Turn icon={ChevronLeft} label={t('earlierDates')} off={(week[0] ?? from) <= times.today} onClick={() => show(maxDay(addDays(week[0] ?? from, -7), times.today))} />
          <Turn icon={ChevronRight} label={t('laterDates')} off={(week[6] ?? from) >= times.last} onClick={() => show(addDays(week[0] ?? from, 7))} />
        </div>
      </div>
      {month && wide ? (
        <Month key={from.slice(0, 7)} from={from} today={times.today} last={times.last} days={open} onShow={show} />
      ) : (
        <div role="group" aria-label={t('daysGroup')} className="mt-3 grid grid-cols-7 gap-1">
          {week.map((day) => (
            <DayButton key={day} day={day} slots={open.get(day)?.slots ?? []} shown={day === firstListed(items)} onClick={() => show(day)} />
          ))}
        </div>
      )}
      {shown[0] && (
        <p className="mt-4 text-sm text-ink-2">
          {t('zone', { city, offset: offsetWords(shown[0].utcOffset) })} {change && t('zoneChange', { day: format.day(change.localDate), offset: offsetWords(change.utcOffset) })}
        </p>
      )}
      <Days items={items} chosen={chosen} several={several} onChoose={onChoose} />
      {times.error && <InlineError error={times.error} onRetry={times.retry} />}
      {times.loading ? (
        <Waiting />
      ) : (
        (more || !times.complete) && (
          <Button className="mt-6" onClick={later}>
            {t('showLater')}
          </Button>
        )
      )}
      {waitlist && (
        <div className="mt-8 flex items-start gap-3 rounded-md bg-accent-tint px-4 py-3 text-sm">
          <Icon of={BellRing} small className="mt-0.5 text-accent-text" />
          <p>{rich('waitLine', { a: <Link className="link" to={waitlist.to} state={waitlist.state} /> })}</p>
        </div>
      )}
    </div>
  );
}

const maxDay = (a: Day, b: Day) => (a > b ? a : b);
const firstListed = (items: ReturnType<typeof listedDays>['items']) => items.find((one) => one.kind === 'day')?.day.date;

function monthTitle(day: Day, language: string): string {
  const title = new Intl.DateTimeFormat(language === 'es' ? 'es-US' : 'en-US', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
  return asTitle(title);
}

function Turn({ icon, label, off, onClick }: { icon: typeof ChevronLeft; label: string; off: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-disabled={off || undefined}
      onClick={off ? undefined : onClick}
      className={cx('grid size-11 place-items-center rounded-md text-ink-2', off ? 'cursor-default text-ink-3 opacity-50' : 'hover:bg-sunken')}
    >
      <Icon of={icon} />
    </button>
  );
}

function DayButton({ day, slots, shown, onClick }: { day: Day; slots: Slot[]; shown: boolean; onClick: () => void }) {
  const { t } = useBookWords();
  const format = useFormat();
  const tile = format.tile(day);
  const open = slots.length > 0;
  return (
    <button
      type="button"
      disabled={!open}
      aria-pressed={open ? shown : undefined}
      aria-label={open ? t('dayFree', { day: format.day(day), count: slots.length }) : t('dayNone', { day: format.day(day) })}
      onClick={onClick}
      className={cx(
        'flex min-w-0 flex-col items-center gap-0.5 rounded-md border-2 px-0 py-2 text-xs leading-4.5 lg:py-2.5',
        shown && open ? 'border-accent-solid bg-accent-tint text-accent-text' : 'border-transparent',
        open ? !shown && 'hover:bg-sunken' : 'cursor-default text-ink-3',
      )}
    >
      <span>{tile.weekday}</span>
      <span className={cx('text-lg leading-6', open && 'font-semibold')}>{tile.day}</span>
      <span aria-hidden className={cx('size-1.5 rounded-full', open ? 'bg-accent-solid' : 'bg-transparent')} />
    </button>
  );
}

interface MonthProps {
  from: Day;
  today: Day;
  last: Day;
  days: Map<Day, DaySlots>;
  onShow: (day: Day) => void;
}

/** The whole month as a grid: arrows by day and week, Page Up and Page Down by month. */
function Month({ from, today, last, days, onShow }: MonthProps) {
  const { t } = useBookWords();
  const format = useFormat();
  const language = useLanguage();
  const grid = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState(from);
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    if (moved) grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }, [at, moved]);
  const press = (event: KeyboardEvent) => {
    const next = nextDay(at, event.key);
    if (!next) return;
    event.preventDefault();
    const day = next < today ? today : next > last ? last : next;
    setMoved(true);
    setAt(day);
    // Another month brings other times.
    if (day.slice(0, 7) !== at.slice(0, 7)) onShow(day);
  };
  const weekdays = weekDays(from, 0);
  return (
    <table role="grid" ref={grid} aria-label={t('monthGrid', { month: monthTitle(at, language) })} className="mt-3 w-full table-fixed border-separate border-spacing-1" onKeyDown={press}>
      <thead>
        <tr>
          {weekdays.map((day) => (
            <th key={day} scope="col" className="text-xs font-normal text-ink-2" aria-label={format.weekday(day)}>
              {format.tile(day).weekday}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {monthWeeks(at).map((week, index) => (
          <tr key={index}>
            {week.map((day, column) => {
              if (!day) return <td key={column} />;
              const count = days.get(day)?.slots.length ?? 0;
              return (
                <td key={day} role="gridcell" aria-selected={day === from}>
                  <button
                    type="button"
                    tabIndex={day === at ? 0 : -1}
                    aria-disabled={count === 0 || undefined}
                    aria-label={count > 0 ? t('dayFree', { day: format.day(day), count }) : t('dayNone', { day: format.day(day) })}
                    onClick={() => {
                      setAt(day);
                      if (count > 0) onShow(day);
                    }}
                    className={cx(
                      'flex min-h-11 w-full flex-col items-center justify-center rounded-md border-2',
                      day === from ? 'border-accent-solid bg-accent-tint text-accent-text' : 'border-transparent',
                      count > 0 ? 'font-semibold hover:bg-sunken' : 'cursor-default text-ink-3',
                    )}
                  >
                    {format.tile(day).day}
                    <span aria-hidden className={cx('size-1.5 rounded-full', count > 0 ? 'bg-accent-solid' : 'bg-transparent')} />
                  </button>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface DaysProps {
  items: ReturnType<typeof listedDays>['items'];
  chosen: string[];
  several?: boolean;
  onChoose: (slot: Slot) => void;
}

function Days({ items, chosen, several, onChoose }: DaysProps) {
  const { t } = useBookWords();
  const format = useFormat();
  const box = useRef<HTMLDivElement>(null);
  const slots = new Map(items.flatMap((one) => (one.kind === 'day' ? one.day.slots.map((slot) => [slotKey(slot), slot] as const) : [])));
  const keys = [...slots.keys()];
  // One stop for the Tab key: what is chosen, or the first.
  const stop = chosen.find((key) => slots.has(key)) ?? keys[0];
  const press = (event: KeyboardEvent, key: string) => {
    const next = nextKey(keys, key, event.key);
    const slot = next === undefined ? undefined : slots.get(next);
    if (!slot || several) return;
    event.preventDefault();
    onChoose(slot);
    box.current?.querySelector<HTMLElement>(`[data-slot="${CSS.escape(slotKey(slot))}"]`)?.focus();
  };
  return (
    <div ref={box} role={several ? 'group' : 'radiogroup'} aria-label={t(several ? 'timesSeveral' : 'times')} className="mt-6 divide-y divide-line">
      {items.map((item) =>
        item.kind === 'none' ? (
          <p key={item.from} className="py-4 text-sm text-ink-2">
            {item.from === item.to ? t('noneOn', { day: format.day(item.from) }) : t('noneFrom', { from: shortDay(item.from, format), to: shortDay(item.to, format) })}
          </p>
        ) : (
          <div key={item.day.date} className="py-6 first:pt-0">
            <div className="flex items-baseline justify-between gap-4">
              <h3 id={`day-${item.day.date}`}>{asTitle(format.day(item.day.date))}</h3>
              <p className="text-sm whitespace-nowrap text-ink-2">{t('count', { count: item.day.slots.length })}</p>
            </div>
            {byPart(item.day.slots).map(({ part, slots: own }) => (
              <div key={part} className="mt-3 grid gap-x-2 gap-y-1 sm:grid-cols-[6.25rem_1fr]">
                <p className="text-sm text-ink-2 sm:pt-2.5">{t(part)}</p>
                <div className="grid grid-cols-[repeat(auto-fill,minmax(6.5rem,1fr))] gap-2">
                  {own.map((slot) => {
                    const key = slotKey(slot);
                    return <Time key={key} slot={slot} chosen={chosen.includes(key)} several={several} stop={key === stop} onChoose={onChoose} onKey={(event) => press(event, key)} />;
                  })}
                </div>
              </div>
            ))}
            {item.day.slots.some((slot) => slot.again) && <p className="mt-2 text-sm text-ink-2">{t('againHint')}</p>}
          </div>
        ),
      )}
    </div>
  );
}

const shortDay = (day: Day, format: Formatter) => `${format.weekday(day)} ${format.tile(day).day}`;

interface TimeProps {
  slot: Slot;
  chosen: boolean;
  several?: boolean;
  stop: boolean;
  onChoose: (slot: Slot) => void;
  onKey: (event: KeyboardEvent) => void;
}

function Time({ slot, chosen, several, stop, onChoose, onKey }: TimeProps) {
  const { t } = useBookWords();
  const format = useFormat();
  const name = useSlotName()(slot);
  const yours = deviceTime(slot, format);
  const wall = format.wall(slot.localTime);
  return (
    <button
      type="button"
      data-slot={slotKey(slot)}
      {...(several ? { 'aria-pressed': chosen } : { role: 'radio', 'aria-checked': chosen, tabIndex: stop ? 0 : -1 })}
      aria-label={yours ? `${name}, ${t('yourTime', { time: yours })}` : name}
      onClick={() => onChoose(slot)}
      onKeyDown={onKey}
      className={cx(
        'min-h-11 rounded-md border px-1 py-1.5 font-semibold tabular-nums transition-colors',
        chosen ? 'border-accent-solid bg-accent-solid text-accent-on' : 'border-line-strong bg-surface hover:border-accent-solid hover:bg-accent-tint',
      )}
    >
      <span className="block">{slot.again ? t(`again_${slot.again}`, { time: wall }) : wall}</span>
      {slot.again && <span className="block text-xs font-normal">{offsetWords(slot.utcOffset)}</span>}
      {yours && <span className="block text-xs font-normal">{t('yourTime', { time: yours })}</span>}
    </button>
  );
}

/** Two days of grey times. */
function Waiting() {
  const { t } = useBookWords();
  return (
    <div aria-busy="true" className="mt-6 animate-late">
      <span role="status" className="sr-only">
        {t('loadingTimes')}
      </span>
      <div aria-hidden className="grid gap-8">
        {[5, 3].map((count) => (
          <div key={count}>
            <span className="block h-6 w-48 rounded-sm bg-sunken" />
            <div className="mt-3 grid grid-cols-[repeat(auto-fill,minmax(6.5rem,1fr))] gap-2">
              {Array.from({ length: count }, (_, index) => (
                <span key={index} className="block h-11 rounded-md bg-sunken" />
              ))}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

/** What is chosen and what it means, beside the times on a desk and at the foot of a phone. */
export function Dock({ children }: { children: ReactNode }) {
  return (
    <div data-dock className="sticky bottom-0 z-(--z-bar) -mx-(--gutter) mt-8 border-t border-line bg-surface px-(--gutter) pt-3 pb-[calc(0.75rem+env(safe-area-inset-bottom))] shadow-2">{children}</div>
  );
}

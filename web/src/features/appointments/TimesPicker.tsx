import { ArrowUp, ChevronLeft, ChevronRight, X } from 'lucide-react';
import { useState } from 'react';
import { Button } from '@/components/Button';
import { cx } from '@/components/cx';
import { FieldError } from '@/components/Field';
import { Icon } from '@/components/Icon';
import { formatter, useFormat } from '@/lib/format';
import { useLanguage } from '@/lib/i18n';
import { serverNow } from '@/lib/clock';
import type { Day } from '@/lib/types';
import { dayPartOf, firstOpenDay, isChosen, MAX_PREFERENCES, promote, timesOn, togglePreference, wallNow, WEEKS_AHEAD, weekDays, type Preference } from './preferences';
import { asTitle, wishedTime } from './parts';
import { useVisitWords } from './words';

export interface TimesPickerProps {
  zone: string;
  value: Preference[];
  onChange: (value: Preference[]) => void;
  /** By position in `value`; `all` when nothing is chosen. */
  errors: { all?: string; at: (string | undefined)[] };
}

/** A week, the times of one of its days, and the list of what was chosen. Choosing never moves on. */
export function TimesPicker({ zone, value, onChange, errors }: TimesPickerProps) {
  const { t } = useVisitWords();
  const format = useFormat();
  const now = wallNow(serverNow(), zone);
  const [week, setWeek] = useState(() => (weekDays(now.date, 0).includes(firstOpenDay(now)) ? 0 : 1));
  const [day, setDay] = useState<Day>(value[0]?.date ?? firstOpenDay(now));
  const [said, setSaid] = useState('');
  const days = weekDays(now.date, week);
  const full = value.length >= MAX_PREFERENCES;

  const showWeek = (next: number) => {
    setWeek(next);
    const open = weekDays(now.date, next).find((one) => timesOn(one, now).length > 0);
    if (open) setDay(open);
  };
  const toggle = (wish: Preference) => {
    const next = togglePreference(value, wish);
    if (next === value) {
      setSaid(t('chosenFull'));
      return;
    }
    onChange(next);
    const when = wishedTime(wish, format);
    setSaid(isChosen(next, wish) ? t('announceAdded', { when, n: next.length }) : t('announceRemoved', { when }));
  };

  return (
    <div>
      <div className="flex items-center justify-between gap-4">
        <h2 aria-live="polite">{monthTitle(days, useLanguage())}</h2>
        <div className="flex gap-1">
          <WeekButton icon={ChevronLeft} label={t('earlierDates')} off={week === 0} onClick={() => showWeek(week - 1)} />
          <WeekButton icon={ChevronRight} label={t('laterDates')} off={week >= WEEKS_AHEAD} onClick={() => showWeek(week + 1)} />
        </div>
      </div>
      <div role="group" aria-label={t('daysGroup')} className="mt-3 grid grid-cols-7 gap-1">
        {days.map((one) => (
          <DayButton
            key={one}
            day={one}
            shown={one === day}
            marked={value.some((wish) => wish.date === one)}
            open={timesOn(one, now).length > 0}
            past={one < now.date}
            onClick={() => setDay(one)}
          />
        ))}
      </div>
      <p className="mt-4 text-sm text-ink-2">
        {t('zoneNote', { zone: zoneName(zone, format.language) })} {differsFromDevice(zone) && t('deviceZone')}
      </p>
      <DayTimes day={day} now={now} value={value} full={full} onToggle={toggle} />
      <p role="status" className="sr-only">
        {said}
      </p>
      <Chosen value={value} full={full} errors={errors} onChange={onChange} onSaid={setSaid} />
    </div>
  );
}

/** "December 2026", or "November and December 2026" would be too long on a phone: the month of the week's middle. */
function monthTitle(days: Day[], language: string): string {
  const middle = new Date(`${days[3] ?? days[0]}T00:00:00Z`);
  const title = new Intl.DateTimeFormat(language === 'es' ? 'es-US' : 'en-US', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(middle);
  return title.charAt(0).toLocaleUpperCase(language) + title.slice(1);
}

function zoneName(zone: string, language: string): string {
  const parts = new Intl.DateTimeFormat(language === 'es' ? 'es-US' : 'en-US', { timeZone: zone, timeZoneName: 'longGeneric' }).formatToParts(new Date(serverNow()));
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** Whether the device's wall clock shows something else than the clinic's right now. */
function differsFromDevice(zone: string): boolean {
  const at = serverNow();
  const device = formatter('en', Intl.DateTimeFormat().resolvedOptions().timeZone);
  const iso = new Date(at).toISOString();
  return device.time(iso) !== device.time(iso, zone);
}

function WeekButton({ icon, label, off, onClick }: { icon: typeof ChevronLeft; label: string; off: boolean; onClick: () => void }) {
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

function DayButton({ day, shown, marked, open, past, onClick }: { day: Day; shown: boolean; marked: boolean; open: boolean; past: boolean; onClick: () => void }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const name = format.day(day);
  const tile = format.tile(day);
  return (
    <button
      type="button"
      disabled={!open}
      aria-pressed={open ? shown : undefined}
      aria-label={open ? name : t(past ? 'dayPast' : 'dayNone', { day: name })}
      onClick={onClick}
      className={cx(
        'flex min-w-0 flex-col items-center gap-0.5 rounded-md border-2 px-0 py-2 text-xs leading-4.5 lg:py-2.5',
        shown && open ? 'border-accent-solid bg-accent-tint text-accent-text' : 'border-transparent',
        open ? !shown && 'hover:bg-sunken' : 'cursor-default text-ink-3',
      )}
    >
      <span>{tile.weekday}</span>
      <span className={cx('text-lg leading-6', open && 'font-semibold')}>{tile.day}</span>
      <span aria-hidden className={cx('size-1.5 rounded-full', marked ? 'bg-accent-solid' : 'bg-transparent')} />
    </button>
  );
}

const parts = ['morning', 'afternoon', 'evening'] as const;

function DayTimes({ day, now, value, full, onToggle }: { day: Day; now: Preference; value: Preference[]; full: boolean; onToggle: (wish: Preference) => void }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const times = timesOn(day, now);
  return (
    <section aria-label={t('timesOf', { day: format.day(day) })} className="mt-6">
      <h3 className="mb-3">{asTitle(format.day(day))}</h3>
      {times.length === 0 && <p className="text-ink-2">{t('noTimesLeft')}</p>}
      {parts.map((part) => {
        const own = times.filter((time) => dayPartOf(time) === part);
        if (own.length === 0) return null;
        return (
          <div key={part} className="mt-3 grid gap-x-2 gap-y-1 sm:grid-cols-[6.25rem_1fr]">
            <p className="text-sm text-ink-2 sm:pt-2.5">{t(part)}</p>
            <div className="grid grid-cols-[repeat(auto-fill,minmax(6.5rem,1fr))] gap-2">
              {own.map((time) => {
                const wish = { date: day, time };
                const chosen = isChosen(value, wish);
                return (
                  <button
                    key={time}
                    type="button"
                    aria-pressed={chosen}
                    aria-disabled={(full && !chosen) || undefined}
                    aria-label={wishedTime(wish, format)}
                    onClick={() => onToggle(wish)}
                    className={cx(
                      'min-h-11 rounded-md border px-1 font-semibold whitespace-nowrap tabular-nums transition-colors',
                      chosen
                        ? 'border-accent-solid bg-accent-solid text-accent-on'
                        : full
                          ? 'border-line bg-transparent text-ink-3'
                          : 'border-line-strong bg-surface hover:border-accent-solid hover:bg-accent-tint',
                    )}
                  >
                    {format.wall(time)}
                  </button>
                );
              })}
            </div>
          </div>
        );
      })}
    </section>
  );
}

interface ChosenProps {
  value: Preference[];
  full: boolean;
  errors: TimesPickerProps['errors'];
  onChange: (value: Preference[]) => void;
  onSaid: (text: string) => void;
}

/** The tray: first, second, third choice, each to move up or take back. */
export function Chosen({ value, full, errors, onChange, onSaid }: ChosenProps) {
  const { t } = useVisitWords();
  const format = useFormat();
  const places = [t('first'), t('second'), t('third')];
  return (
    <section aria-labelledby="chosen" className="mt-8">
      <h2 id="chosen" tabIndex={-1} className="outline-none">
        {t('chosen')}
      </h2>
      {errors.all && <FieldError id="times-error">{errors.all}</FieldError>}
      {value.length === 0 && !errors.all && <p className="mt-1 text-ink-2">{t('chosenNone')}</p>}
      {value.length > 0 && (
        <ol className="mt-3 divide-y divide-line rounded-lg border border-line bg-surface">
          {value.map((wish, index) => {
            const when = wishedTime(wish, format);
            return (
              <li key={`${wish.date} ${wish.time}`} className="px-5 py-3">
                <p className="text-sm text-ink-2">{places[index]}</p>
                <p id={`time-${index}`} tabIndex={-1} className="font-semibold">
                  {asTitle(when)}
                </p>
                {errors.at[index] && <FieldError id={`time-${index}-error`}>{errors.at[index]}</FieldError>}
                <div className="-ml-3 flex flex-wrap gap-x-2">
                  {index > 0 && (
                    <Button
                      variant="quiet"
                      small
                      icon={ArrowUp}
                      aria-label={t('moveUpWhat', { when })}
                      onClick={() => {
                        onChange(promote(value, index));
                        onSaid(t('announceMoved', { when, n: index }));
                      }}
                    >
                      {t('moveUp')}
                    </Button>
                  )}
                  <Button
                    variant="quiet"
                    small
                    icon={X}
                    aria-label={t('removeWhat', { when })}
                    onClick={() => {
                      onChange(togglePreference(value, wish));
                      onSaid(t('announceRemoved', { when }));
                      document.getElementById('chosen')?.focus();
                    }}
                  >
                    {t('remove')}
                  </Button>
                </div>
              </li>
            );
          })}
        </ol>
      )}
      {full && <p className="mt-2 text-sm text-ink-2">{t('chosenFull')}</p>}
    </section>
  );
}

import { useMutation } from '@tanstack/react-query';
import { CalendarDays, CreditCard, MapPin, Repeat, UserRound, UsersRound, Video } from 'lucide-react';
import { useState } from 'react';
import { Navigate, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Button } from '@/components/Button';
import { Banner } from '@/components/Banner';
import { Card, Fact } from '@/components/Card';
import { DoorwayDate } from '@/components/DoorwayDate';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { Icon } from '@/components/Icon';
import { Select, TextArea } from '@/components/Field';
import { HelpLine, Page } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { initials, personName, useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { useWide } from '@/lib/media';
import { api, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { Availability, BookingData, BookingRequest, BookingTerms, Day, Service, Slot } from '@/lib/types';
import { asTitle, wallRange } from '@/lib/visits';
import { Booked } from './Booked';
import { useBookWords } from './bookWords';
import { ANYONE, cityName, type Catalogue, type RequestDraft, type Way } from './request';
import { Dock, SlotPicker } from './SlotPicker';
import { useSlotName } from './slotName';
import { slotKey } from './slots';
import { Taken } from './Taken';
import { useTimes } from './useTimes';

interface Series {
  count: number;
  everyDays: number;
}

interface ChooseTimeProps {
  catalogue: Catalogue;
  service: Service;
  draft: RequestDraft;
  way: Way;
  /** The same without the person being there, or with, where the service is given both ways. */
  other?: Way;
  onOther: (way: Way) => void;
  onChange: () => void;
}

/** The free times, what a chosen one means, and the button that books it. */
export default function ChooseTime({ catalogue, service, draft, way, other, onOther, onChange }: ChooseTimeProps) {
  const { t } = useBookWords();
  const config = useConfig();
  const format = useFormat();
  const toast = useToast();
  const navigate = useNavigate();
  const wide = useWide();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const zone = way.location?.timeZone ?? config.timeZone;
  const who = draft.who === ANYONE ? undefined : draft.who;
  const times = useTimes({ serviceId: service.id, clinicianId: who, locationId: way.location?.id, serviceLocation: way.how }, zone);
  const [slot, setSlot] = useState<Slot>();
  const [series, setSeries] = useState<Series>();
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<{ taken: Slot; next?: Slot; days?: Day[] }>();
  const [missing, setMissing] = useState(0);
  const [note, setNote] = useState('');

  const book = useMutation<BookingData, ApiError, BookingRequest>({
    mutationFn: (body) => api('appointments', { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: (data) => {
      void invalidate('appointments', 'notifications', 'invoices', 'forms');
      if (!data.deposit) return;
      toast(t('depositToast'));
      void navigate(paths.invoice(data.deposit.invoiceId), { replace: true });
    },
    onError: (error) => {
      if (error.status === 409 && slot) {
        const days = error.details.taken as Day[] | undefined;
        setRefused({ taken: slot, next: error.details.nextAvailable as Slot | undefined, days });
        if (!days?.length) {
          setGone(new Set([...gone, slotKey(slot)]));
          setSlot(undefined);
        }
      }
      // Whatever was refused, the times on screen are old.
      void invalidate('appointments');
    },
  });

  if (book.data && !book.data.deposit) return <Booked data={book.data} />;
  // The narrower of the service's and the clinician's own way of booking decides, and without hours one can only ask.
  if (times.about && (times.about.bookingMode === 'request' || times.about.enforced === false)) {
    return <Navigate replace to={paths.appointmentRequest} state={{ step: 'times', draft }} />;
  }

  const choose = (next: Slot) => {
    setSlot(next);
    setMissing(0);
    setRefused(undefined);
    book.reset();
  };
  const send = (skipTaken?: boolean) => {
    if (!slot) return setMissing(missing + 1);
    setRefused(undefined);
    book.mutate({
      serviceId: service.id,
      ...(who ? { practitionerId: who } : {}),
      locationId: slot.locationId || way.location?.id || '',
      startTime: slot.startTime,
      serviceLocation: way.how,
      ...(note.trim() ? { patientNotes: note.trim() } : {}),
      ...(series ? { series: { ...series, ...(skipTaken ? { skipTaken } : {}) } } : {}),
    });
  };
  const clinician = catalogue.providers.find((one) => one.id === who);
  const name = clinician ? personName(clinician) : t('anyone');
  const deposit = service.depositRequired ? service.depositCents : undefined;
  const button = (
    <Button variant="primary" wide busy={book.isPending} busyLabel={t('booking')} onClick={() => send()}>
      {deposit ? t('bookPay', { amount: format.money(deposit, service.currency) }) : t('book')}
    </Button>
  );
  const words = <TextArea name="note" rows={2} optional maxLength={500} label={t('note')} hint={t('noteHint')} value={note} onChange={(event) => setNote(event.target.value)} />;
  // Read again from the times, so that it speaks the page's language.
  const current = slot && (times.days.flatMap((day) => day.slots).find((one) => slotKey(one) === slotKey(slot)) ?? slot);
  const means = current && times.about && <Terms slot={current} terms={times.about.terms} currency={service.currency} />;
  const waitlist = { to: paths.waitlistJoin, state: { serviceId: service.id, clinicianId: who, locationId: way.location?.id, serviceLocation: way.how } };

  return (
    <Page
      title={t('timesTitle')}
      back={{ to: paths.appointments, label: t('back') }}
      aside={
        wide && (
          <Card>
            <h2>{t('summary')}</h2>
            {slot ? (
              <>
                <Chosen slot={slot} />
                <div className="mt-4 grid gap-2">
                  <Fact icon={UserRound}>{slot.clinicianIds?.length === 1 ? nameOf(slot.clinicianIds[0], times.about) ?? name : name}</Fact>
                  <Fact icon={way.how === 'TELEHEALTH' ? Video : MapPin}>{asTitle(way.how === 'TELEHEALTH' ? t('byVideo') : [t('inPerson'), way.location?.address.street || way.location?.name].filter(Boolean).join(', '))}</Fact>
                  {series && (
                    <Fact icon={Repeat}>{t(series.everyDays === 7 ? 'seriesSays7' : 'seriesSays14', { count: series.count })}</Fact>
                  )}
                  {service.priceCents > 0 && (
                    <Fact icon={CreditCard}>
                      {deposit
                        ? t('priceDeposit', { price: format.money(service.priceCents, service.currency), deposit: format.money(deposit, service.currency) })
                        : t('priceNow', { price: format.money(service.priceCents, service.currency) })}
                    </Fact>
                  )}
                </div>
                <div className="mt-5">{words}</div>
                <div className="mt-5">{button}</div>
                {means && <p className="mt-4 text-sm text-ink-2">{means}</p>}
              </>
            ) : (
              <>
                <p className="mt-2 text-ink-2">{t('chooseFirst')}</p>
                <div className="mt-5">{button}</div>
              </>
            )}
          </Card>
        )
      }
    >
      {missing > 0 && <ErrorSummary key={missing} problems={[{ id: 'times', message: t('errChoose') }]} />}
      {refused && (refused.days?.length ? <SeriesTaken days={refused.days} busy={book.isPending} onSkip={() => send(true)} /> : <Taken taken={refused.taken} next={refused.next} onChoose={choose} />)}
      {!refused && <Failure error={book.error} />}
      <div className="flex items-center gap-4 rounded-lg border border-line bg-surface px-5 py-4 lg:px-6">
        <span aria-hidden className="grid size-11 shrink-0 place-items-center rounded-full bg-accent-tint text-sm font-semibold text-accent-text">
          {clinician ? initials(clinician) : <UsersRound className="size-5.5" strokeWidth={1.75} />}
        </span>
        <div className="min-w-0 flex-1">
          <p className="text-lg font-semibold">{t('minutes', { name: service.name, minutes: service.durationMinutes })}</p>
          <p className="text-sm text-ink-2">{t('withWhom', { who: name, how: t(way.how === 'TELEHEALTH' ? 'byVideo' : 'inPerson') })}</p>
        </div>
        <button type="button" className="link min-h-11" onClick={onChange}>
          {t('change')}
        </button>
      </div>
      {other && (
        <button type="button" className="link mt-2 inline-flex min-h-11 items-center gap-2" onClick={() => onOther(other)}>
          <Icon of={other.how === 'TELEHEALTH' ? Video : MapPin} small />
          {t(other.how === 'TELEHEALTH' ? 'useVideo' : 'useOffice')}
        </button>
      )}
      {(service.seriesMax ?? 1) > 1 && <Repeats max={service.seriesMax ?? 1} value={series} onChange={setSeries} />}
      <div id="times" tabIndex={-1} className="mt-8 outline-none">
        <SlotPicker times={times} city={cityName(way.location ?? catalogue.locations[0], zone)} chosen={slot ? [slotKey(slot)] : []} onChoose={choose} gone={gone} waitlist={waitlist} />
      </div>
      {!wide && slot && <div className="mt-8">{words}</div>}
      {!wide && slot && (
        <Dock>
          <p className="font-semibold">{asTitle(`${format.day(slot.localDate)}, ${format.wall(slot.localTime)}`)}</p>
          <p className="mb-2 text-sm text-ink-2">
            {service.priceCents > 0 && !deposit && `${t('priceNow', { price: format.money(service.priceCents, service.currency) })}. `}
            {means}
          </p>
          {button}
        </Dock>
      )}
      <HelpLine className="mt-10" />
    </Page>
  );
}

function nameOf(id: string | undefined, about: Availability | undefined): string | undefined {
  const found = about?.clinicians?.find((one) => one.id === id);
  return found && personName(found);
}

/** The doorway and the time in words. */
function Chosen({ slot }: { slot: Slot }) {
  const { t } = useBookWords();
  const format = useFormat();
  const name = useSlotName();
  const end = new Date(Date.parse(`${slot.localDate}T${slot.localTime}:00Z`) + Date.parse(slot.endTime) - Date.parse(slot.startTime)).toISOString().slice(11, 16);
  return (
    <div className="mt-4 flex items-end gap-4">
      <DoorwayDate at={slot.localDate} />
      <p className="pb-1 text-lg font-semibold">{slot.again ? asTitle(name(slot)) : asTitle(`${format.weekday(slot.localDate)}, ${wallRange(slot.localTime, end, format)}`)}</p>
      <span className="sr-only">{t('summary')}</span>
    </div>
  );
}

/** Until when the visit can be given back, and what it costs after that: said before it is booked. */
function Terms({ slot, terms, currency }: { slot: Slot; terms: BookingTerms; currency: string }) {
  const { t } = useBookWords();
  const format = useFormat();
  const { lateCancel: late, graceMinutes: grace } = terms;
  const amount = format.money(terms.lateFeeCents ?? 0, currency);
  const when = slot.freeUntilDisplay;
  if (late === 'free') return t('freeThenFree');
  if (when) return late === 'refuse' ? t('freeRefuse', { when }) : t('free', { when, amount });
  if (grace > 0) return late === 'refuse' ? t('refuseGrace', { count: grace }) : t('lateGrace', { count: grace, amount });
  return late === 'refuse' ? t('refuseNow') : t('lateNow', { amount });
}

function Repeats({ max, value, onChange }: { max: number; value?: Series; onChange: (value: Series | undefined) => void }) {
  const { t } = useBookWords();
  const counts = Array.from({ length: max - 1 }, (_, index) => index + 2);
  return (
    <div className="mt-6 grid gap-4 sm:grid-cols-2">
      <Select name="repeat" label={t('seriesLegend')} value={value?.everyDays ?? ''} onChange={(event) => onChange(event.target.value ? { count: value?.count ?? Math.min(6, max), everyDays: Number(event.target.value) } : undefined)}>
        <option value="">{t('seriesOnce')}</option>
        <option value="7">{t('seriesEvery7')}</option>
        <option value="14">{t('seriesEvery14')}</option>
      </Select>
      {value && (
        <Select name="count" label={t('seriesCount')} value={value.count} onChange={(event) => onChange({ ...value, count: Number(event.target.value) })}>
          {counts.map((count) => (
            <option key={count} value={count}>
              {t('seriesCountOption', { count })}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

function SeriesTaken({ days, busy, onSkip }: { days: Day[]; busy: boolean; onSkip: () => void }) {
  const { t } = useBookWords();
  const format = useFormat();
  return (
    <Banner
      tone="warning"
      announce="alert"
      takeFocus
      className="mb-6"
      action={
        <Button small icon={CalendarDays} busy={busy} busyLabel={t('booking')} onClick={onSkip}>
          {t('seriesSkip')}
        </Button>
      }
    >
      {t('seriesTaken', { count: days.length, days: days.map((day) => format.date(day)).join(', ') })}
    </Banner>
  );
}

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button, LinkButton } from '@/components/Button';
import { AmountLines, Card, Rows, Row, Section } from '@/components/Card';
import { DoorwayDate } from '@/components/DoorwayDate';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Failure } from '@/components/Failure';
import { HelpLine, Page, TaskPage } from '@/components/Page';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { useWide } from '@/lib/media';
import { api, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { ActsFor, GroupData, GroupRequest, Service, Slot } from '@/lib/types';
import { groupBody, totalOf, type GroupDraft, type Member } from './groupDraft';
import { useGroupWords } from './groupWords';
import { asTitle, clinicianOf, visitTime } from './parts';
import { cityName, type Catalogue } from './request';
import { Dock, SlotPicker } from './SlotPicker';
import { useSlotName } from './slotName';
import { slotKey } from './slots';
import { Taken } from './Taken';
import { useTimes } from './useTimes';

interface GroupTimeProps {
  catalogue: Catalogue;
  clients: ActsFor[];
  draft: GroupDraft;
  members: Member[];
  services: Service[];
}

/** A time that suits the first of them; whether it suits everybody the server says. */
export default function GroupTime({ catalogue, clients, draft, members, services }: GroupTimeProps) {
  const { t } = useGroupWords();
  const format = useFormat();
  const config = useConfig();
  const toast = useToast();
  const wide = useWide();
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const slotName = useSlotName();
  const { keyFor } = useIdempotencyKey();
  const place = catalogue.locations.find((one) => one.id === draft.locationId);
  const zone = place?.timeZone ?? config.timeZone;
  const first = members[0];
  const times = useTimes({ serviceId: first?.serviceId ?? '', locationId: draft.locationId, serviceLocation: 'IN_OFFICE' }, zone);
  const [slot, setSlot] = useState<Slot>();
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<{ taken: Slot; next?: Slot }>();
  const [missing, setMissing] = useState(0);

  const book = useMutation<GroupData, ApiError, GroupRequest>({
    mutationFn: (body) => api('group-bookings', { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: (data) => {
      void invalidate('appointments', 'group-bookings', 'notifications', 'invoices', 'forms');
      if (!data.deposit) return;
      toast(t('depositToast'));
      void navigate(paths.invoice(data.deposit.invoiceId), { replace: true });
    },
    onError: (error) => {
      if (error.reason === 'SLOT_UNAVAILABLE' && slot) {
        setRefused({ taken: slot, next: error.details.nextAvailable as Slot | undefined });
        setGone(new Set([...gone, slotKey(slot)]));
        setSlot(undefined);
      }
      void invalidate('appointments');
    },
  });

  if (book.data && !book.data.deposit) return <GroupDone data={book.data} members={members} />;

  const choose = (next: Slot) => {
    setSlot(next);
    setRefused(undefined);
    setMissing(0);
    book.reset();
  };
  const press = () => {
    if (!slot) return setMissing(missing + 1);
    setRefused(undefined);
    book.mutate(groupBody(draft, members, slot));
  };
  const total = totalOf(members, services);
  const payer = clients.find((one) => one.clientId === draft.payerClientId);
  const currency = services[0]?.currency;
  const button = (
    <Button variant="primary" wide busy={book.isPending} busyLabel={t('booking')} onClick={press}>
      {t('book', { count: members.length })}
    </Button>
  );
  const lines = (
    <AmountLines
      lines={[
        ...members.map((member) => {
          const service = services.find((one) => one.id === member.serviceId);
          return { label: member.name, detail: service?.name, amount: format.money(service?.priceCents ?? 0, service?.currency) };
        }),
        { label: t('total'), detail: payer && t('payerIs', { name: payer.firstName }), amount: format.money(total, currency), total: true },
      ]}
    />
  );
  return (
    <Page
      title={t('timeTitle')}
      lead={t('timeLead', { name: first?.name ?? '' })}
      back={{ to: paths.appointments, label: t('back') }}
      aside={
        wide && (
          <Card>
            <h2 className="mb-3">{t('summary')}</h2>
            {slot && <p className="mb-4 font-semibold">{asTitle(slotName(slot))}</p>}
            {lines}
            <div className="mt-5">{button}</div>
          </Card>
        )
      }
    >
      {missing > 0 && <ErrorSummary key={missing} problems={[{ id: 'times', message: t('errTime') }]} />}
      {refused && (
        <>
          <Taken taken={refused.taken} next={refused.next} onChoose={choose} />
          <p className="-mt-3 mb-6 text-ink-2">{book.error?.message || t('refusedWhy')}</p>
        </>
      )}
      {!refused && <Failure error={book.error} />}
      {!wide && <Card className="mb-6">{lines}</Card>}
      <div id="times" tabIndex={-1} className="outline-none">
        <SlotPicker times={times} city={cityName(place, zone)} chosen={slot ? [slotKey(slot)] : []} onChoose={choose} gone={gone} />
      </div>
      {!wide && slot && (
        <Dock>
          <p className="font-semibold">{asTitle(slotName(slot))}</p>
          <p className="mb-2 text-sm text-ink-2">
            {t('total')} {format.money(total, currency)}
          </p>
          {button}
        </Dock>
      )}
      <HelpLine className="mt-10" />
    </Page>
  );
}

function GroupDone({ data, members }: { data: GroupData; members: Member[] }) {
  const { t } = useGroupWords();
  const format = useFormat();
  const first = data.appointments[0];
  return (
    <TaskPage title={t('doneTitle')} lead={first && asTitle(visitTime(first, format))} step="done">
      {first && (
        <div className="mb-6">
          <DoorwayDate at={first.appointmentDate} />
        </div>
      )}
      <Section title={t('summary')} className="">
        <Rows>
          {data.appointments.map((visit, index) => (
            <Row
              key={visit.id}
              avatar={(visit.guestName ?? members[index]?.name ?? '').charAt(0).toLocaleUpperCase()}
              title={visit.guestName ?? members[index]?.name ?? visit.appointmentType}
              meta={[visit.appointmentType, clinicianOf(visit) && t('withName', { name: clinicianOf(visit) }), asTitle(visitTime(visit, format))]}
            />
          ))}
        </Rows>
        <p className="mt-4 font-semibold">
          {t('total')}: {format.money(data.totalCents)}
        </p>
      </Section>
      <Actions>
        <LinkButton variant="primary" to={paths.appointments}>
          {t('done')}
        </LinkButton>
        <LinkButton variant="quiet" to={paths.group(data.id)}>
          {t('see')}
        </LinkButton>
      </Actions>
    </TaskPage>
  );
}

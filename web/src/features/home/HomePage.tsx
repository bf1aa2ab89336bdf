import { CalendarPlus, CircleCheck, Clock, CreditCard, DoorOpen, FileText, Hourglass, MapPin, PenLine, Video } from 'lucide-react';
import { Link } from 'react-router';
import { paths } from '@/app/paths';
import { AnchorButton, Button, LinkButton } from '@/components/Button';
import { Fact, Row, Rows, Section, TintPanel } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { CrisisNote } from '@/components/CrisisNote';
import { DoorwayDate } from '@/components/DoorwayDate';
import { Failure } from '@/components/Failure';
import { InlineError, Page, PhoneLink } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import { NotificationRow } from '@/components/NotificationRow';
import { WaitlistOffers } from '@/components/WaitlistOffers';
import { serverNow } from '@/lib/clock';
import { useConfig } from '@/lib/config';
import { personName, useFormat } from '@/lib/format';
import { useApi } from '@/lib/query';
import { useActingFor, useSession } from '@/lib/session';
import type { Appointment, AppointmentList, FormList, InvoiceList, NotificationList } from '@/lib/types';
import { useVisitAct } from '@/lib/visitActs';
import { freeNow, visitTime } from '@/lib/visits';
import { dueOf, inOrder, isOverdue, nextVisit, partOfDay, type Todo } from './todo';
import { useHomeWords } from './words';

const shownAtMost = 4;

export function Component() {
  const { t } = useHomeWords();
  const session = useSession();
  const { client } = useActingFor();
  const format = useFormat();
  const scope = client?.scope ?? 'all';
  const visitsAndForms = scope !== 'billing';
  const money = scope !== 'appointments_forms';

  const pending = useApi<FormList>('forms', { query: { status: 'pending' }, enabled: visitsAndForms });
  const started = useApi<FormList>('forms', { query: { status: 'in_progress' }, enabled: visitsAndForms });
  const invoices = useApi<InvoiceList>('invoices', { query: { status: 'open' }, enabled: money });
  const partlyPaid = useApi<InvoiceList>('invoices', { query: { status: 'partially_paid' }, enabled: money });
  const visits = useApi<AppointmentList>('appointments', { query: { status: 'upcoming', limit: 10 }, enabled: visitsAndForms });
  const news = useApi<NotificationList>('notifications', { query: { unread: true, limit: shownAtMost } });

  const parts = [pending, started, invoices, partlyPaid, visits];
  const failed = parts.find((query) => query.isError && query.data === undefined);
  const waiting = parts.some((query) => query.isLoading);
  const upcoming = visits.data?.appointments ?? [];
  const next = nextVisit(upcoming);
  const forms = [...(pending.data?.forms ?? []), ...(started.data?.forms ?? [])];
  const owed = [...(invoices.data?.invoices ?? []), ...(partlyPaid.data?.invoices ?? [])];
  const todos = waiting || failed ? [] : inOrder(forms, owed, next, format.today());

  const name = session.status === 'signed-in' ? session.user.firstName : '';
  const greeting = t(partOfDay(new Date().getHours()), { name });
  const retry = () => parts.forEach((query) => query.isError && void query.refetch());

  return (
    <Page title={t('title')} heading={greeting} lead={waiting || failed ? undefined : <TodoSentence todos={todos} />} aside={<Aside />}>
      {failed ? (
        <InlineError error={failed.error} onRetry={retry} />
      ) : waiting ? (
        <Skeleton onRetry={retry} />
      ) : (
        <>
          {visitsAndForms && <WaitlistOffers className="mb-8" />}
          {todos.length > 0 && <TodoList todos={todos} next={next} />}
          {visitsAndForms && <NextVisit next={next} first={todos.length === 0} />}
          <Requested requests={upcoming.filter((one) => one.status === 'requested')} />
        </>
      )}
      {news.data && news.data.notifications.length > 0 && (
        <Section title={t('news')}>
          <Rows>
            {news.data.notifications.map((one) => (
              <NotificationRow key={one.id} notification={one} />
            ))}
          </Rows>
          <p className="mt-4">
            <Link className="link" to={paths.notifications}>
              {t('allNews')}
            </Link>
          </p>
        </Section>
      )}
    </Page>
  );
}

function TodoSentence({ todos }: { todos: Todo[] }) {
  const { t } = useHomeWords();
  const format = useFormat();
  const count = todos.length;
  if (count === 0) return t('none');
  const n = count <= 9 ? t(`n${count}` as 'n1') : String(count);
  const first = todos[0]!;
  const due = dueOf(first);
  if (!due) return t('todo', { count, n });
  const key = isOverdue(first, format.today()) ? 'todoOverdue' : 'todoDue';
  return t(key, { count, n, when: format.relativeDay(due) });
}

function TodoList({ todos, next }: { todos: Todo[]; next?: Appointment }) {
  const { t } = useHomeWords();
  const hidden = todos.length > shownAtMost;
  return (
    <section>
      <h2 className="sr-only">{t('needsYou')}</h2>
      <Rows>
        {todos.slice(0, shownAtMost).map((todo, index) => (
          <TodoRow key={todo.kind === 'form' ? todo.form.id : todo.invoice.id} todo={todo} first={index === 0} next={next} />
        ))}
      </Rows>
      {hidden && (
        <p className="mt-4">
          <Link className="link" to={todos.some((todo) => todo.kind === 'form') ? paths.forms : paths.payments}>
            {t('seeAll', { n: todos.length })}
          </Link>
        </p>
      )}
    </section>
  );
}

/** The first row carries the page's one solid button; the others lead on by their title. */
function TodoRow({ todo, first, next }: { todo: Todo; first: boolean; next?: Appointment }) {
  const { t } = useHomeWords();
  const format = useFormat();
  const due = dueOf(todo);
  const away = due === undefined ? undefined : format.daysAway(due);
  const chip = isOverdue(todo, format.today()) ? <Chip kind="overdue" /> : away === 0 ? <Chip kind="dueToday" /> : away === 1 ? <Chip kind="dueTomorrow" /> : undefined;
  const dueText = due !== undefined && !chip && t('due', { when: format.date(due) });

  if (todo.kind === 'invoice') {
    const { invoice } = todo;
    const to = paths.invoice(invoice.id);
    return (
      <Row
        icon={CreditCard}
        title={t('pay', { amount: format.money(invoice.balanceCents, invoice.currency) })}
        chip={chip}
        meta={[invoice.items[0]?.description, dueText]}
        to={to}
        action={{ label: t('payShort'), primary: first, to }}
      />
    );
  }
  const { form } = todo;
  const to = paths.form(form.id);
  const begun = form.status === 'in_progress';
  const consent = form.formType.includes('consent');
  return (
    <Row
      icon={consent ? PenLine : FileText}
      title={t(begun ? 'finish' : consent ? 'sign' : 'fill', { title: form.formTitle })}
      chip={chip}
      meta={[
        dueText || (!due && todo.forVisit && next && t('forVisit', { when: format.day(next.appointmentDate) })),
        begun ? t('started') : form.estimatedMinutes && t('minutes', { count: form.estimatedMinutes }),
      ]}
      to={to}
      action={{ label: t(begun ? 'goOn' : consent ? 'readSign' : 'start'), primary: first, to }}
    />
  );
}

function NextVisit({ next, first }: { next?: Appointment; first: boolean }) {
  const { t } = useHomeWords();
  const format = useFormat();
  return (
    <Section title={t('next')} className={first ? '' : undefined}>
      {next ? (
        <>
          <TintPanel className="grid gap-4 lg:grid-cols-[7rem_1fr] lg:gap-x-8 lg:gap-y-3">
            <div className="flex items-end gap-5 lg:contents">
              <div className="lg:row-span-3 lg:self-center">
                <DoorwayDate at={next.appointmentDate} size="lg" />
              </div>
              <div className="min-w-0">
                <h3 className="text-lg font-semibold first-letter:uppercase">{visitTime(next, format)}</h3>
                <p>{t('with', { service: next.appointmentType, name: personName(next.clinician) })}</p>
              </div>
            </div>
            <div className="grid gap-1.5">
              {next.serviceLocation === 'TELEHEALTH' ? (
                <Fact icon={Video}>{t('video')}</Fact>
              ) : (
                <Fact icon={MapPin}>{next.location ? t('inPerson', { place: next.location.address.street || next.location.name }) : t('inPersonPlain')}</Fact>
              )}
              {next.cancellationDeadlineDisplay && freeNow(next, serverNow()) && (
                <Fact icon={Clock}>{t('freeUntil', { when: next.cancellationDeadlineDisplay })}</Fact>
              )}
            </div>
            <NextSteps next={next} solid={first} />
          </TintPanel>
          <p className="mt-4">
            <Link className="link" to={paths.book}>
              {t('requestAnother')}
            </Link>
          </p>
        </>
      ) : (
        <>
          <p className="mb-4 text-ink-2">{t('noVisit')}</p>
          <LinkButton icon={CalendarPlus} to={paths.book}>
            {t('request')}
          </LinkButton>
        </>
      )}
    </Section>
  );
}

/** On the day "I'm here" or "Join video" comes first; before that, what the visit still asks for. */
function NextSteps({ next, solid }: { next: Appointment; solid: boolean }) {
  const { t } = useHomeWords();
  const arrive = useVisitAct(next, 'check-in');
  const here = next.status === 'arrived';
  const video = next.telehealthLink?.startsWith('https://') ? next.telehealthLink : undefined;
  const opensAt = arrive.error?.reason === 'TOO_EARLY' ? (arrive.error.details.opensAtDisplay as string | undefined) : undefined;
  const variant = solid ? 'primary' : 'secondary';
  return (
    <div className="lg:mt-2">
      <p role="status" className={here ? 'mb-3 font-semibold' : undefined}>
        {here && t(next.waitingRoomStatus === 'room_ready' ? 'roomReady' : 'checkedIn')}
      </p>
      {opensAt ? (
        <p role="alert" className="mb-3 text-sm">
          {t('tooEarly', { when: opensAt })}
        </p>
      ) : (
        <Failure error={arrive.error} className="mb-3" />
      )}
      <div className="flex flex-wrap gap-3">
        {video && (
          <AnchorButton small onTint variant={variant} icon={Video} href={video} target="_blank" rel="noreferrer">
            {t('joinVideo')}
          </AnchorButton>
        )}
        {next.canCheckIn && (
          <Button small onTint variant={video ? 'secondary' : variant} icon={DoorOpen} busy={arrive.isPending} busyLabel={t('checkingIn')} onClick={() => arrive.mutate()}>
            {t('checkIn')}
          </Button>
        )}
        {next.canConfirm && (
          <LinkButton small onTint icon={CircleCheck} to={`${paths.appointment(next.id)}?confirm=1`}>
            {t('confirm')}
          </LinkButton>
        )}
        <LinkButton small onTint variant={video || next.canCheckIn || next.canConfirm ? 'quiet' : 'secondary'} to={paths.appointment(next.id)}>
          {t(next.canReschedule || next.canCancel ? 'changeOrCancel' : 'details')}
        </LinkButton>
      </div>
    </div>
  );
}

function Requested({ requests }: { requests: Appointment[] }) {
  const { t } = useHomeWords();
  const format = useFormat();
  if (requests.length === 0) return null;
  return (
    <Section title={t('requested')}>
      <Rows>
        {requests.map((one) => (
          <Row
            key={one.id}
            icon={Hourglass}
            title={one.appointmentType}
            to={paths.appointment(one.id)}
            chip={<Chip kind="waiting" />}
            meta={[t('firstWish', { when: visitTime(one, format) })]}
          />
        ))}
      </Rows>
    </Section>
  );
}

function Aside() {
  const { clinicName, address, phone } = useConfig();
  return (
    <>
      <CrisisNote />
      <div className="text-sm text-ink-2">
        <p className="font-semibold text-ink">{clinicName}</p>
        {address && (
          <p>
            {address.street}
            <br />
            {address.city}, {address.state} {address.zipCode}
          </p>
        )}
        {phone && (
          <p>
            <PhoneLink phone={phone} />
          </p>
        )}
      </div>
    </>
  );
}

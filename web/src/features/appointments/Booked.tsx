import { Clock, MapPin, Video } from 'lucide-react';
import { useState } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, LinkButton } from '@/components/Button';
import { Card, Fact, Section } from '@/components/Card';
import { CrisisNote } from '@/components/CrisisNote';
import { DoorwayDate } from '@/components/DoorwayDate';
import { TaskPage } from '@/components/Page';
import { serverNow } from '@/lib/clock';
import { useFormat } from '@/lib/format';
import type { BookingData } from '@/lib/types';
import { asTitle, freeNow, visitTime } from '@/lib/visits';
import { useBookWords } from './bookWords';
import { CalendarButton } from './CalendarButton';
import { addressLine, clinicianOf } from './parts';
import { useVisitWords } from './words';

/** The confirmation: when, where, until when it can be changed, and what comes next. */
export function Booked({ data }: { data: BookingData }) {
  const { t } = useBookWords();
  const { t: v } = useVisitWords();
  const format = useFormat();
  const [problem, setProblem] = useState<string>();
  const { appointment: visit, series } = data;
  const when = visitTime(visit, format);
  const name = clinicianOf(visit);
  const forms = visit.formsDue;
  const deadline = freeNow(visit, serverNow()) && visit.cancellationDeadlineDisplay;
  return (
    <TaskPage title={t('doneTitle')} lead={t('doneLead', { when })} step="done">
      <Card>
        <div className="flex items-end gap-5">
          <DoorwayDate at={visit.appointmentDate} />
          <div className="min-w-0 pb-1">
            <p className="text-lg font-semibold">{asTitle(when)}</p>
            <p>{name ? `${visit.appointmentType} ${v('withClinician', { name })}` : visit.appointmentType}</p>
          </div>
        </div>
        <div className="mt-4 grid gap-2">
          {visit.serviceLocation === 'TELEHEALTH' ? (
            <Fact icon={Video}>{v('videoLater')}</Fact>
          ) : (
            <Fact icon={MapPin}>{visit.location ? `${visit.location.name}, ${addressLine(visit.location.address)}` : v('inOffice')}</Fact>
          )}
          {deadline && <Fact icon={Clock}>{visit.feeAfterDeadlineCents ? t('free', { when: deadline, amount: format.money(visit.feeAfterDeadlineCents) }) : v('freeUntilPlain', { when: deadline })}</Fact>}
        </div>
      </Card>
      {series && series.appointments.length > 1 && (
        <Section title={t('doneSeries', { count: series.appointments.length })}>
          <ul className="grid list-disc gap-1 pl-5">
            {series.appointments.map((one) => (
              <li key={one.id}>{asTitle(visitTime(one, format))}</li>
            ))}
          </ul>
          {series.skipped.length > 0 && <p className="mt-2 text-ink-2">{t('doneSkipped', { days: series.skipped.map((day) => format.date(day)).join(', ') })}</p>}
        </Section>
      )}
      <Section title={t('next')}>
        <ul className="grid list-disc gap-2 pl-5 text-ink-2">
          {forms.length > 0 && <li>{t('nextForms', { count: forms.length })}</li>}
          <li>{t('nextMail')}</li>
          <li>{t('nextRemind')}</li>
        </ul>
      </Section>
      {problem && (
        <Banner tone="danger" announce="alert" className="mt-6">
          {problem}
        </Banner>
      )}
      <Actions>
        <LinkButton variant="primary" to={forms.length === 1 && forms[0] ? paths.form(forms[0]) : forms.length > 0 ? paths.forms : paths.appointments}>
          {forms.length > 0 ? t('toForms') : t('done')}
        </LinkButton>
        <CalendarButton visit={visit} onProblem={setProblem} />
        <LinkButton variant="quiet" to={paths.appointment(visit.id)}>
          {t('details')}
        </LinkButton>
      </Actions>
      <div className="mt-12">
        <CrisisNote />
      </div>
    </TaskPage>
  );
}

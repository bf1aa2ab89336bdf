import { paths } from '@/app/paths';
import { Actions, LinkButton } from '@/components/Button';
import { Card, Section } from '@/components/Card';
import { CrisisNote } from '@/components/CrisisNote';
import { TaskPage } from '@/components/Page';
import { useFormat } from '@/lib/format';
import type { AppointmentRequestData } from '@/lib/types';
import { asTitle, wishedTime } from './parts';
import type { Preference } from './preferences';
import { useVisitWords } from './words';

/** The confirmation: what was sent, that nothing is held, what happens next. */
export function RequestSent({ data, times }: { data: AppointmentRequestData; times: Preference[] }) {
  const { t } = useVisitWords();
  const format = useFormat();
  const places = [t('first'), t('second'), t('third')];
  return (
    <TaskPage title={t('sentTitle')} lead={data.message?.replace(`${t('sentTitle')}. `, '') || t('sentBody')} step="sent">
      <Card>
        <dl className="divide-y divide-line">
          {times.map((wish, index) => (
            <div key={index} className="py-3 first:pt-0 last:pb-0">
              <dt className="text-sm text-ink-2">{places[index]}</dt>
              <dd className="font-semibold">{asTitle(wishedTime(wish, format))}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Section title={t('sentNext')}>
        <ol className="grid list-decimal gap-2 pl-5 text-ink-2">
          <li>{t('sentNext1')}</li>
          <li>{t('sentNext2')}</li>
        </ol>
      </Section>
      <Actions>
        <LinkButton variant="primary" to={paths.appointments}>
          {t('done')}
        </LinkButton>
        <LinkButton variant="quiet" to={paths.appointment(data.requestId)}>
          {t('sentSee')}
        </LinkButton>
      </Actions>
      <div className="mt-12">
        <CrisisNote />
      </div>
    </TaskPage>
  );
}

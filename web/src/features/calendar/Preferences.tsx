import { useState } from 'react';
import { Actions, Button } from '@/components/Button';
import { Card } from '@/components/Card';
import { Failure } from '@/components/Failure';
import { Checkbox, TextInput } from '@/components/Field';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useInvalidate } from '@/lib/query';
import type { NotificationPreferences, NotificationType, PreferencesChange } from '@/lib/types';
import { useCalendarWords } from './words';

const kinds = [
  'appointment_reminder',
  'appointment_confirmed',
  'appointment_changed',
  'appointment_cancelled',
  'appointment_requested',
  'appointment_declined',
  'waitlist_offer',
  'room_ready',
  'form_assigned',
  'form_reminder',
  'invoice_issued',
  'payment_received',
] as const satisfies NotificationType[];
type Way = 'email' | 'sms' | 'inApp';

/** The matrix of what and how: a table where there is room, cards on a phone. */
export function Preferences({ saved }: { saved: NotificationPreferences }) {
  const { t } = useCalendarWords();
  const { features, timeZone } = useConfig();
  const toast = useToast();
  const invalidate = useInvalidate();
  const [wish, setWish] = useState(saved);
  const [missing, setMissing] = useState(false);
  const save = useProven((body: PreferencesChange) => api<NotificationPreferences>('notifications/preferences', { method: 'PATCH', body }));
  const ways: Way[] = features.sms ? ['email', 'sms', 'inApp'] : ['email', 'inApp'];
  const of = (kind: NotificationType) => wish.byType[kind] ?? { inApp: true, email: true, sms: true, push: true };
  const set = (kind: NotificationType, way: Way, on: boolean) => setWish({ ...wish, byType: { ...wish.byType, [kind]: { ...of(kind), [way]: on } } });
  const quiet = wish.quietHours;

  const send = async () => {
    const open = quiet !== undefined && !(quiet.from && quiet.to);
    setMissing(open);
    if (open) return;
    const done = await save.run({ channels: wish.channels, byType: wish.byType, quietHours: quiet ?? null });
    if (!done) return;
    toast(t('saved'));
    await invalidate('notifications');
  };

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.busy) void send();
      }}
    >
      <Failure error={save.error} />
      <Card>
        <Checkbox name="channel-email" checked={wish.channels.email} onChange={(event) => setWish({ ...wish, channels: { ...wish.channels, email: event.target.checked } })}>
          {t('emailOn')}
        </Checkbox>
        {features.sms && (
          <>
            <Checkbox name="channel-sms" checked={wish.channels.sms} onChange={(event) => setWish({ ...wish, channels: { ...wish.channels, sms: event.target.checked } })}>
              {t('smsOn')}
            </Checkbox>
            <p className="ml-9 text-sm text-ink-2">{t('smsNeeds')}</p>
          </>
        )}
      </Card>
      <Card className="mt-6" flush>
        <table className="table-cards w-full">
          <caption className="sr-only">{t('reach')}</caption>
          <thead className="text-sm text-ink-2">
            <tr className="border-b border-line">
              <th scope="col" className="px-5 py-3 text-left font-semibold lg:px-6">
                {t('kind')}
              </th>
              {ways.map((way) => (
                <th key={way} scope="col" className="px-3 py-3 font-semibold">
                  {t(way)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {kinds.map((kind) => {
              const what = t(`type.${kind}`);
              return (
                <tr key={kind} className="max-md:px-5 max-md:py-3">
                  <th scope="row" className="text-left font-semibold md:px-5 md:py-2 md:font-normal lg:px-6">
                    {what}
                  </th>
                  {ways.map((way) => (
                    <td key={way} data-label={t(way)} className="items-center md:px-3 md:text-center">
                      <label className="inline-grid size-11 cursor-pointer place-items-center">
                        <span className="sr-only">{t('cell', { what, how: t(way) })}</span>
                        <input
                          type="checkbox"
                          className="checkbox"
                          checked={of(kind)[way] && (way === 'inApp' || wish.channels[way])}
                          disabled={way !== 'inApp' && !wish.channels[way]}
                          onChange={(event) => set(kind, way, event.target.checked)}
                        />
                      </label>
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Card>
      <section className="mt-8">
        <h3>{t('quiet')}</h3>
        <p className="text-sm text-ink-2">{t('quietAbout')}</p>
        <Checkbox name="quiet" checked={quiet !== undefined} onChange={(event) => setWish({ ...wish, quietHours: event.target.checked ? { from: '21:00', to: '08:00', timeZone } : undefined })}>
          {t('quietOn')}
        </Checkbox>
        {quiet && (
          <div className="mt-2 grid max-w-100 grid-cols-2 gap-4">
            <TextInput name="quiet-from" type="time" label={t('quietFrom')} error={missing && !quiet.from ? t('errQuiet') : undefined} value={quiet.from} onChange={(event) => setWish({ ...wish, quietHours: { ...quiet, from: event.target.value } })} />
            <TextInput name="quiet-to" type="time" label={t('quietTo')} error={missing && !quiet.to ? t('errQuiet') : undefined} value={quiet.to} onChange={(event) => setWish({ ...wish, quietHours: { ...quiet, to: event.target.value } })} />
          </div>
        )}
      </section>
      <Actions>
        <Button type="submit" variant="primary" busy={save.busy} busyLabel={t('saving')}>
          {t('save')}
        </Button>
      </Actions>
    </form>
  );
}

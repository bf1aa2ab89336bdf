import { useEffect, useState, type FormEvent } from 'react';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { ClinicMark } from '@/components/ClinicMark';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { Section } from '@/components/Card';
import { Checkbox } from '@/components/Field';
import { HelpLine, TaskPage, usePageTitle } from '@/components/Page';
import { useConfig } from '@/lib/config';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { acknowledgeEnd, endBy } from '@/lib/session';
import { useSecurityWords } from './words';

/** What closing means and what stays; then a tick, a question, and a proof. */
export function Component() {
  const { t } = useSecurityWords();
  const navigate = useNavigate();
  const [understood, setUnderstood] = useState(false);
  const [missing, setMissing] = useState(false);
  const [asking, setAsking] = useState(false);
  const close = useProven(() => endBy(() => api<{ closed: true }>('auth/close-account', { method: 'POST', body: { confirm: true } }), 'closed'));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(!understood);
    if (understood) setAsking(true);
    else document.getElementById('understood')?.focus();
  };

  return (
    <TaskPage title={t('closeTitle')} lead={t('closeLead')} back={{ to: paths.security, label: t('back') }}>
      <Section title={t('closeWhat')} className="">
        <ul className="grid max-w-(--measure) list-outside list-disc gap-2 pl-5">
          <li>{t('closeEnds')}</li>
          <li>{t('closeOthers')}</li>
          <li>{t('closeVisits')}</li>
        </ul>
      </Section>
      <Section title={t('closeStays')}>
        <p className="max-w-(--measure)">{t('closeRecord')}</p>
        <p className="mt-2 max-w-(--measure)">{t('closeBack')}</p>
      </Section>
      <form onSubmit={submit} noValidate className="mt-8">
        <Checkbox
          name="understood"
          checked={understood}
          onChange={(event) => {
            setUnderstood(event.target.checked);
            setMissing(false);
          }}
          error={missing ? t('closeTick') : undefined}
        >
          {t('closeUnderstood')}
        </Checkbox>
        <Actions>
          <Button type="submit">{t('closeGo')}</Button>
        </Actions>
      </form>
      {asking && (
        <ConfirmDialog
          title={t('closeSure')}
          action={t('closeGo')}
          busyLabel={t('closing')}
          keep={t('closeKeep')}
          act={close}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            if (await close.run()) void navigate(paths.accountClosed, { replace: true });
          }}
        >
          {t('closeSureBody')}
        </ConfirmDialog>
      )}
    </TaskPage>
  );
}

/** The end: the session is gone on the server, and now here. */
export function Closed() {
  const { t } = useSecurityWords();
  const { clinicName } = useConfig();
  const h1 = usePageTitle(t('closedTitle'));
  useEffect(acknowledgeEnd, []);
  return (
    <main className="mx-auto max-w-(--col-form) p-(--gutter)">
      <ClinicMark />
      <h1 ref={h1} tabIndex={-1} className="mt-10">
        {t('closedTitle')}
      </h1>
      <p className="mt-2 max-w-(--measure)">{t('closedLead', { clinic: clinicName })}</p>
      <HelpLine className="mt-4" />
    </main>
  );
}

import { useState } from 'react';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Failure } from '@/components/Failure';
import { TaskPage } from '@/components/Page';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useChanged, useFactors } from './data';
import { RecoveryCodes } from './RecoveryCodes';
import { useSecurityWords } from './words';

/** Ten new codes for the old ones. */
export function Component() {
  const { t } = useSecurityWords();
  const navigate = useNavigate();
  const changed = useChanged();
  const left = useFactors().data?.recoveryCodesLeft ?? 0;
  const [codes, setCodes] = useState<string[]>();
  const make = useProven(() => api<{ recoveryCodes: string[] }>('auth/mfa/recovery-codes', { method: 'POST', body: {} }));

  const press = async () => {
    const made = await make.run();
    if (!made) return;
    setCodes(made.recoveryCodes);
    void changed();
  };

  const back = { to: paths.security, label: t('back') };
  if (codes) {
    return (
      <TaskPage title={t('codesTitle')} lead={t('codesLead')} step="codes">
        <RecoveryCodes codes={codes} onDone={() => void navigate(paths.security)} />
      </TaskPage>
    );
  }
  return (
    <TaskPage title={t('recoveryTitle')} lead={t('recoveryLead')} back={back} step="start">
      <Failure error={make.error} says={{ MFA_OFF: t('mfaOff') }} />
      {left > 0 && <Banner tone="warning">{t('recoveryOldDie')}</Banner>}
      <Actions>
        <Button variant="primary" busy={make.busy} busyLabel={t('recoveryMaking')} onClick={() => void press()}>
          {t('recoveryMake')}
        </Button>
      </Actions>
    </TaskPage>
  );
}

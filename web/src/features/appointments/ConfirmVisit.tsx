import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { useFormat } from '@/lib/format';
import type { Appointment } from '@/lib/types';
import { visitTime } from '@/lib/visits';
import { useActWords } from './visitWords';

interface ConfirmVisitProps {
  visit: Appointment;
  busy: boolean;
  error: Error | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** The question a reminder asks. */
export default function ConfirmVisit({ visit, busy, error, onConfirm, onClose }: ConfirmVisitProps) {
  const { t } = useActWords();
  const format = useFormat();
  return (
    <Dialog
      open
      onClose={onClose}
      title={t('confirmTitle')}
      actions={
        <>
          <Button variant="primary" busy={busy} busyLabel={t('confirming')} onClick={onConfirm}>
            {t('confirmDo')}
          </Button>
          <Button variant="quiet" onClick={onClose}>
            {t('notNow')}
          </Button>
        </>
      }
    >
      <Failure error={error} className="mb-4" />
      <p>{t('confirmBody', { when: visitTime(visit, format) })}</p>
    </Dialog>
  );
}

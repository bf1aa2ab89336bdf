import { Dialog } from '@/components/Dialog';
import { useFormat } from '@/lib/format';
import type { Appointment } from '@/lib/types';
import { CancelForm } from './CancelForm';
import { useActWords } from './visitWords';

/** The same as the page, over the visit, where there is room for it. */
export default function CancelDialog({ visit, onClose }: { visit: Appointment; onClose: () => void }) {
  const { t } = useActWords();
  const format = useFormat();
  return (
    <Dialog open onClose={onClose} title={visit.status === 'requested' ? t('withdrawTitle') : t('cancelTitle', { day: format.relativeDay(visit.appointmentDate) })}>
      <CancelForm visit={visit} onKeep={onClose} onDone={onClose} />
    </Dialog>
  );
}

import { CalendarPlus } from 'lucide-react';
import { useState } from 'react';
import { Button, type ButtonProps } from '@/components/Button';
import { useToast } from '@/components/Toast';
import { saveFile } from '@/lib/download';
import { useErrorSentence } from '@/lib/errors';
import { apiBlob } from '@/lib/pb';
import type { Appointment } from '@/lib/types';
import { useVisitWords } from './words';

/** Downloads the visit for the device's calendar. */
export function CalendarButton({ visit, onProblem, variant }: { visit: Appointment; onProblem: (sentence: string | undefined) => void; variant?: ButtonProps['variant'] }) {
  const { t } = useVisitWords();
  const toast = useToast();
  const sentence = useErrorSentence();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    onProblem(undefined);
    try {
      const { blob } = await apiBlob(`appointments/${encodeURIComponent(visit.id)}/ics`);
      saveFile(blob, `${visit.appointmentDate}.ics`);
      toast(t('calendarSaved'));
    } catch (error) {
      onProblem(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button variant={variant} icon={CalendarPlus} busy={busy} onClick={() => void save()}>
      {t('addToCalendar')}
    </Button>
  );
}

import { MessageSquareText, Phone } from 'lucide-react';
import { Actions, AnchorButton, Button } from '@/components/Button';
import { CrisisNote } from '@/components/CrisisNote';
import { TaskPage } from '@/components/Page';
import { useFormWords } from './words';

/**
 * Shown right after PHQ-9 item 9 was answered above zero, before anything else is asked. It offers help now and
 * claims nothing about who has been told.
 */
export function CrisisScreen({ onGoOn }: { onGoOn: () => void }) {
  const { t } = useFormWords();
  return (
    <TaskPage title={t('crisisTitle')} step="crisis">
      <p className="max-w-(--measure) text-lg">{t('crisisAnswer')}</p>
      <Actions>
        <AnchorButton variant="primary" icon={Phone} href="tel:988">
          {t('crisisCall')}
        </AnchorButton>
        <AnchorButton icon={MessageSquareText} href="sms:988" className="max-sm:min-h-13.5 max-sm:w-full">
          {t('crisisText')}
        </AnchorButton>
        <AnchorButton icon={Phone} href="tel:911" className="max-sm:min-h-13.5 max-sm:w-full">
          {t('crisis911')}
        </AnchorButton>
      </Actions>
      <div className="mt-10">
        <CrisisNote />
      </div>
      <div className="mt-10 border-t border-line pt-6">
        <Button variant="quiet" className="-ml-3" onClick={onGoOn}>
          {t('crisisGoOn')}
        </Button>
      </div>
    </TaskPage>
  );
}

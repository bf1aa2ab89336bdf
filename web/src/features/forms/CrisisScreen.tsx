import { MessageSquareText, Phone } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Actions, AnchorButton, Button } from '@/components/Button';
import { CrisisNote } from '@/components/CrisisNote';
import { TaskPage } from '@/components/Page';
import { useFormWords } from './words';

const SETTLE_MS = 800;

/**
 * Shown right after PHQ-9 item 9 was answered above zero, before anything else is asked. It offers help now and
 * claims nothing about who has been told.
 */
export function CrisisScreen({ onGoOn }: { onGoOn: () => void }) {
  const { t } = useFormWords();
  // The second tap of a double tap on "Continue" must not wave this page away: the way on comes a moment later.
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), SETTLE_MS);
    return () => clearTimeout(timer);
  }, []);
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
        {settled && (
          <Button variant="quiet" className="-ml-3" onClick={onGoOn}>
            {t('crisisGoOn')}
          </Button>
        )}
      </div>
    </TaskPage>
  );
}

import { FlaskConical } from 'lucide-react';
import { RadioRows } from '@/components/Field';
import { Icon } from '@/components/Icon';
import type { TestOutcome } from '@/lib/types';
import { usePaymentWords } from './words';

/** Stands where the card form would be, and says that it is no bank. */
export function TestPanel({ value, onChange }: { value: TestOutcome; onChange: (value: TestOutcome) => void }) {
  const { t } = usePaymentWords();
  return (
    <div className="rounded-lg border-2 border-dashed border-warning-line bg-warning-bg p-5">
      <div className="mb-4 flex items-start gap-3">
        <Icon of={FlaskConical} className="mt-0.5 text-warning" />
        <div>
          <h3>{t('testTitle')}</h3>
          <p className="text-ink-2">{t('testBody')}</p>
        </div>
      </div>
      <RadioRows
        name="outcome"
        legend={t('testTitle')}
        legendAs="hidden"
        value={value}
        onChange={(next) => onChange(next as TestOutcome)}
        options={[
          { value: 'succeed', label: t('testSucceed'), detail: t('testSucceedHint') },
          { value: 'decline', label: t('testDecline'), detail: t('testDeclineHint') },
          { value: 'challenge', label: t('testChallenge'), detail: t('testChallengeHint') },
        ]}
      />
    </div>
  );
}

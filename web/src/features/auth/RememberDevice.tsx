import { Checkbox } from '@/components/Field';
import { useAuthWords } from './words';

/** Never ticked beforehand: whose device this is, only the person knows. */
export function RememberDevice({ checked, onChange }: { checked: boolean; onChange: (checked: boolean) => void }) {
  const { t } = useAuthWords();
  return (
    <Checkbox name="rememberDevice" checked={checked} onChange={(event) => onChange(event.target.checked)}>
      {t('remember')}
      <span className="block text-sm text-ink-2">{t('rememberHint')}</span>
    </Checkbox>
  );
}

import { DoorClosed } from 'lucide-react';
import { LinkButton } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { HelpLine, Page } from '@/components/Page';
import { paths } from './paths';
import { useShellWords } from './words';

export function Component() {
  const { t } = useShellWords();
  return (
    <Page title={t('notFoundTitle')}>
      <EmptyState
        icon={DoorClosed}
        action={
          <>
            <LinkButton to={paths.home}>{t('toHome')}</LinkButton>
            <HelpLine className="mt-4" />
          </>
        }
      >
        {t('notFound')}
      </EmptyState>
    </Page>
  );
}

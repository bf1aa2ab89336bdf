import { TriangleAlert } from 'lucide-react';
import { useEffect } from 'react';
import { useRouteError } from 'react-router';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useShellWords } from './words';

/** A page that broke while rendering, or whose code is gone because the server was updated meanwhile. */
export function RouteError() {
  const { t } = useShellWords();
  const error = useRouteError();
  const outdated = error instanceof TypeError && /module|import/i.test(error.message);
  useEffect(() => {
    document.title = t('brokenTitle');
  }, [t]);
  return (
    <div className="mx-auto max-w-(--col-form) p-(--gutter)">
      <h1 className="mt-10 mb-6">{t('brokenTitle')}</h1>
      <EmptyState icon={TriangleAlert} action={<Button onClick={() => location.reload()}>{t('reload')}</Button>}>
        {outdated ? t('newVersion') : t('broken')}
      </EmptyState>
    </div>
  );
}

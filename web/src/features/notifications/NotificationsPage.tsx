import { useMutation } from '@tanstack/react-query';
import { Bell } from 'lucide-react';
import { useState } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Rows } from '@/components/Card';
import { EmptyState } from '@/components/EmptyState';
import { NotificationRow } from '@/components/NotificationRow';
import { Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useErrorSentence } from '@/lib/errors';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { NotificationList } from '@/lib/types';
import { useNotificationWords } from './words';

const pageSize = 20;
/** The server's largest page. */
const most = 100;

export function Component() {
  const { t } = useNotificationWords();
  const [limit, setLimit] = useState(pageSize);
  const invalidate = useInvalidate();
  const sentence = useErrorSentence();
  const query = useApi<NotificationList>('notifications', { query: { limit }, keepPrevious: true });
  const readAll = useMutation<unknown, ApiError>({
    mutationFn: () => api('notifications/read-all', { method: 'POST' }),
    onSuccess: () => invalidate('notifications'),
  });
  const unread = query.data?.unreadCount ?? 0;
  const lead = query.data && query.data.notifications.length > 0 ? (unread > 0 ? t('unread', { count: unread }) : t('allRead')) : undefined;

  return (
    <Page title={t('title')} lead={lead} banner={readAll.isError && <Banner tone="danger" announce="alert">{sentence(readAll.error)}</Banner>}>
      <QueryView query={query}>
        {({ notifications, pagination }) =>
          notifications.length === 0 ? (
            <EmptyState icon={Bell}>{t('empty')}</EmptyState>
          ) : (
            <>
              {unread > 0 && (
                <div className="mb-4">
                  <Button small busy={readAll.isPending} busyLabel={t('marking')} onClick={() => readAll.mutate()}>
                    {t('markAll')}
                  </Button>
                </div>
              )}
              <Rows>
                {notifications.map((one) => (
                  <NotificationRow key={one.id} notification={one} level={2} />
                ))}
              </Rows>
              {pagination.total > notifications.length && limit < most && (
                <div className="mt-4">
                  <Button variant="quiet" busy={query.isFetching} onClick={() => setLimit(Math.min(most, limit + pageSize))}>
                    {t('older')}
                  </Button>
                </div>
              )}
            </>
          )
        }
      </QueryView>
    </Page>
  );
}

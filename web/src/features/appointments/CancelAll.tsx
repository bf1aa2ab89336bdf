import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { TextArea } from '@/components/Field';
import { PhoneLink } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useApi, useInvalidate } from '@/lib/query';
import type { CancellationTerms, GroupBooking } from '@/lib/types';
import { useGroupWords } from './groupWords';
import { useActWords } from './visitWords';

interface CancelAllProps {
  group: GroupBooking;
  count: number;
  onClose: () => void;
}

/** Asks before everybody's visit is given back, with what the server says that it costs. */
export default function CancelAll(props: CancelAllProps) {
  const { t } = useGroupWords();
  const terms = useApi<CancellationTerms>(`group-bookings/${encodeURIComponent(props.group.id)}/cancellation`, { staleTime: 0 });
  return (
    <Dialog open onClose={props.onClose} title={t('cancelTitle', { n: props.count })}>
      <QueryView query={terms} skeleton={<Skeleton shape="text" />}>
        {(data) => <Ask {...props} terms={data} refresh={() => void terms.refetch()} />}
      </QueryView>
    </Dialog>
  );
}

function Ask({ group, terms, refresh, onClose }: CancelAllProps & { terms: CancellationTerms; refresh: () => void }) {
  const { t } = useGroupWords();
  const { t: a, rich } = useActWords();
  const format = useFormat();
  const toast = useToast();
  const config = useConfig();
  const invalidate = useInvalidate();
  const { keyFor } = useIdempotencyKey();
  const [reason, setReason] = useState('');
  const cancel = useMutation<unknown, ApiError, { reason: string; acceptFeeCents?: number }>({
    mutationFn: (body) => api(`group-bookings/${encodeURIComponent(group.id)}/cancel`, { method: 'POST', body, idempotencyKey: keyFor(body) }),
    onSuccess: async () => {
      toast(t('cancelled'));
      onClose();
      await invalidate('group-bookings', 'appointments', 'notifications', 'invoices');
    },
    onError: refresh,
  });
  const phone = terms.phone ?? config.phone;
  const changed = cancel.error?.reason === 'FEE_NOT_ACCEPTED';
  const fee = terms.feeCents;
  const amount = format.money(fee, group.currency);
  return (
    <>
      {!changed && <Failure error={cancel.error} className="mb-4" />}
      {terms.allowed ? (
        <>
          <p>{t('cancelBody')}</p>
          {fee > 0 && (
            <Banner tone="warning" announce={changed ? 'alert' : undefined} className="mt-4">
              {t('cancelFee', { amount })}
            </Banner>
          )}
          <div className="mt-4">
            <TextArea name="reason" rows={2} maxLength={500} label={t('why')} value={reason} onChange={(event) => setReason(event.target.value)} />
          </div>
        </>
      ) : (
        <Banner tone="warning">{terms.reason !== 'TOO_LATE' ? t('ended') : phone ? rich('refused', { a: <PhoneLink phone={phone} /> }, { phone }) : a('refusedPlain')}</Banner>
      )}
      <div className="mt-6 flex flex-wrap gap-3">
        {terms.allowed && (
          <Button variant="danger" busy={cancel.isPending} busyLabel={t('cancelling')} onClick={() => cancel.mutate({ reason: reason.trim() || t('noReason'), ...(fee > 0 ? { acceptFeeCents: fee } : {}) })}>
            {fee > 0 ? t('cancelPay', { amount }) : t('cancelDo')}
          </Button>
        )}
        <Button variant="quiet" onClick={onClose}>
          {t('keep')}
        </Button>
      </div>
    </>
  );
}

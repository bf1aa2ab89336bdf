import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { TextArea } from '@/components/Field';
import { useToast } from '@/components/Toast';
import { useFormat } from '@/lib/format';
import { useIdempotencyKey } from '@/lib/idempotency';
import { api, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import type { GroupBooking } from '@/lib/types';
import { useGroupWords } from './groupWords';

/** Asks before everybody's visit is given back, with what that costs. */
export default function CancelAll({ group, fee: expected, count, onClose }: { group: GroupBooking; fee: number; count: number; onClose: () => void }) {
  const { t } = useGroupWords();
  const format = useFormat();
  const toast = useToast();
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
  });
  // What the server last said it costs.
  const fee = cancel.error?.reason === 'FEE_NOT_ACCEPTED' ? ((cancel.error.details.feeCents as number | undefined) ?? expected) : expected;
  const amount = format.money(fee, group.currency);
  return (
    <Dialog
      open
      onClose={onClose}
      title={t('cancelTitle', { n: count })}
      actions={
        <>
          <Button variant="danger" busy={cancel.isPending} busyLabel={t('cancelling')} onClick={() => cancel.mutate({ reason: reason.trim() || t('noReason'), ...(fee > 0 ? { acceptFeeCents: fee } : {}) })}>
            {fee > 0 ? t('cancelPay', { amount }) : t('cancelDo')}
          </Button>
          <Button variant="quiet" onClick={onClose}>
            {t('keep')}
          </Button>
        </>
      }
    >
      {cancel.error?.reason !== 'FEE_NOT_ACCEPTED' && <Failure error={cancel.error} className="mb-4" />}
      <p>{t('cancelBody')}</p>
      {fee > 0 && (
        <Banner tone="warning" announce={cancel.error ? 'alert' : undefined} className="mt-4">
          {t('cancelFee', { amount })}
        </Banner>
      )}
      <div className="mt-4">
        <TextArea name="reason" rows={2} maxLength={500} label={t('why')} value={reason} onChange={(event) => setReason(event.target.value)} />
      </div>
    </Dialog>
  );
}

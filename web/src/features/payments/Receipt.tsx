import { FileDown } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Button } from '@/components/Button';
import { FieldError } from '@/components/Field';
import { saveFile } from '@/lib/download';
import { useErrorSentence } from '@/lib/errors';
import { apiBlob } from '@/lib/pb';
import type { Payment } from '@/lib/types';
import { usePaymentWords } from './words';

/** Whether a payment was made, so that there is a receipt of it. */
export function hasReceipt(payment: Payment): boolean {
  return ['succeeded', 'refunded', 'partially_refunded', 'disputed'].includes(payment.status);
}

interface ReceiptButtonProps {
  paymentId: string;
  /** For readers, where several stand in a list. */
  label?: string;
  small?: boolean;
  children: ReactNode;
}

/** Fetches the receipt as a PDF. */
export function ReceiptButton({ paymentId, label, small, children }: ReceiptButtonProps) {
  const { t } = usePaymentWords();
  const sentence = useErrorSentence();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const download = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { blob } = await apiBlob(`payments/${encodeURIComponent(paymentId)}/receipt`);
      saveFile(blob, `receipt-${paymentId}.pdf`);
    } catch (error) {
      setProblem(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button variant={small ? 'quiet' : 'secondary'} small={small} icon={FileDown} busy={busy} busyLabel={t('preparing')} aria-label={label} onClick={() => void download()}>
        {children}
      </Button>
      {problem && (
        <div role="alert">
          <FieldError id={`receipt-${paymentId}-error`}>{problem}</FieldError>
        </div>
      )}
    </>
  );
}

import { AmountLines, Card } from '@/components/Card';
import { useFormat } from '@/lib/format';
import type { Invoice } from '@/lib/types';
import { usePaymentWords } from './words';

/** What the amount is made of, down to what is left to pay. */
export function InvoiceLines({ invoice }: { invoice: Invoice }) {
  const { t } = usePaymentWords();
  const format = useFormat();
  const money = (cents: number) => format.money(cents, invoice.currency);
  const less = (cents: number) => `−${money(cents)}`;
  return (
    <Card>
      <h2 className="mb-5">{t('invoice', { number: invoice.number })}</h2>
      <AmountLines
        lines={[
          ...invoice.items.map((item) => ({
            label: item.description,
            detail: item.quantity > 1 ? t('quantity', { count: item.quantity, unit: money(item.unitCents) }) : undefined,
            amount: money(item.totalCents),
          })),
          ...(invoice.discountCents > 0 ? [{ label: t('discount'), amount: less(invoice.discountCents) }] : []),
          ...(invoice.taxCents > 0 ? [{ label: t('tax'), amount: money(invoice.taxCents) }] : []),
          ...(invoice.paidCents > 0 ? [{ label: t('alreadyPaidLine'), amount: less(invoice.paidCents) }] : []),
          { label: invoice.balanceCents > 0 ? t('youPay') : t('total'), amount: money(invoice.balanceCents > 0 ? invoice.balanceCents : invoice.totalCents), total: true },
        ]}
      />
    </Card>
  );
}

import { useConfig } from '@/lib/config';
import { cx } from './cx';

/** The doorway that stands for the clinic when it has no logo of its own. */
export function Arch({ className }: { className?: string }) {
  return (
    <svg aria-hidden viewBox="0 0 26 34" className={cx('shrink-0 fill-accent-solid', className)}>
      <path d="M3 34a3 3 0 0 1-3-3V13a13 13 0 0 1 26 0v18a3 3 0 0 1-3 3h-3.76V17.8a6.24 6.24 0 0 0-12.48 0V34z" />
    </svg>
  );
}

/** Logo, or arch and name. */
export function ClinicMark() {
  const { clinicName, logoUrl } = useConfig();
  if (logoUrl) return <img src={logoUrl} alt={clinicName} className="logo max-h-10 max-w-40" />;
  return (
    <span className="flex min-w-0 items-center gap-3 text-lg leading-[1.15] font-title tracking-[-0.01em] text-ink">
      <Arch className="h-8.5 w-6.5" />
      <span className="min-w-0">{clinicName}</span>
    </span>
  );
}

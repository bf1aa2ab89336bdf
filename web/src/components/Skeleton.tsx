import { useEffect, useState, type ReactNode } from 'react';
import { Button } from './Button';
import { cx } from './cx';
import { useComponentWords } from './words';

function Bone({ className }: { className?: string }) {
  return <span className={cx('block rounded-sm bg-sunken', className)} />;
}

interface SkeletonProps {
  /** Rows of a list (default), lines of text, or the fields of a form. */
  shape?: 'rows' | 'text' | 'form';
  count?: number;
  onRetry?: () => void;
}

/** The shape of what is coming: after 150 ms, without shimmer. After ten seconds it says so and offers another try. */
export function Skeleton({ shape = 'rows', count = 3, onRetry }: SkeletonProps) {
  const { t } = useComponentWords();
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 10_000);
    return () => clearTimeout(timer);
  }, []);
  const items = Array.from({ length: count }, (_, index) => index);
  let bones: ReactNode;
  if (shape === 'rows') {
    bones = (
      <div className="divide-y divide-line rounded-lg border border-line bg-surface">
        {items.map((item) => (
          <div key={item} className="flex items-center gap-4 px-5 py-4 lg:px-6 lg:py-5">
            <Bone className="size-11 rounded-full" />
            <div className="flex-1">
              <Bone className="h-5 w-3/5" />
              <Bone className="mt-2 h-4 w-2/5" />
            </div>
          </div>
        ))}
      </div>
    );
  } else if (shape === 'text') {
    bones = items.map((item) => <Bone key={item} className={cx('mt-3 h-5', item % 3 === 2 ? 'w-1/2' : 'w-full')} />);
  } else {
    bones = items.map((item) => (
      <div key={item} className="mt-6">
        <Bone className="h-5 w-32" />
        <Bone className="mt-2 h-12 w-full rounded-md" />
      </div>
    ));
  }
  return (
    <div aria-busy="true" className="animate-late">
      <span className="sr-only" role="status">
        {t('loading')}
      </span>
      <div aria-hidden>{bones}</div>
      {slow && (
        <p className="mt-4" role="status">
          {t('slow')}{' '}
          {onRetry && (
            <Button variant="quiet" small onClick={onRetry}>
              {t('tryAgain')}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}

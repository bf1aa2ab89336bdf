import { useErrorSentence } from '@/lib/errors';
import { ApiError } from '@/lib/pb';
import { Banner } from './Banner';

interface FailureProps {
  error: Error | null | undefined;
  /** The page's own sentence for a reason it knows. */
  says?: Record<string, string>;
  /** An error that is not the server's carries the page's own sentence. */
  own?: boolean;
  className?: string;
}

/** Why what the person just tried did not happen. Takes the focus, so that it is heard. */
export function Failure({ error, says = {}, own, className = 'mb-6' }: FailureProps) {
  const sentence = useErrorSentence();
  if (!error) return null;
  const reason = error instanceof ApiError ? error.reason : undefined;
  const known = reason ? says[reason] : own && !(error instanceof ApiError) ? error.message : undefined;
  return (
    <Banner tone="danger" announce="alert" takeFocus className={className}>
      {known ?? sentence(error)}
    </Banner>
  );
}

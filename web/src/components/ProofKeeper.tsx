import { lazy, Suspense, useEffect } from 'react';
import { answerProof, useProofAsked } from '@/lib/proof';

const ConfirmItsYou = lazy(() => import('./ConfirmItsYou'));

/** Stands once beside the signed-in pages and asks for a proof whenever a request needs one. */
export function ProofKeeper() {
  const asked = useProofAsked();
  // Signed out while the question stood: nobody is left to answer it.
  useEffect(() => () => answerProof(false), []);
  if (!asked) return null;
  return (
    <Suspense>
      <ConfirmItsYou />
    </Suspense>
  );
}

import type { FormDetail } from '@/lib/types';
import type { Questionnaire } from './questionnaire/types';

/** GET forms/{id}. The questionnaire is read in more detail here than anywhere else in the portal. */
export interface FormData extends Omit<FormDetail, 'questionnaire'> {
  questionnaire: Questionnaire;
  /** Whether sending needs a signature. */
  signatureRequired: boolean;
}

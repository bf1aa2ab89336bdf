import type { FieldErrors, FieldPath, FieldValues, UseFormSetError } from 'react-hook-form';
import type { ApiError } from './pb';
import type { Day } from './types';

export interface Problem {
  /** id of the field to go to; by convention the field's name. */
  id: string;
  message: string;
}

/** React Hook Form's errors as the list for ErrorSummary, in the order given. */
export function problemsOf<T extends FieldValues>(errors: FieldErrors<T>, order: FieldPath<T>[]): Problem[] {
  return order.flatMap((name) => {
    const error = name.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], errors) as { message?: string } | undefined;
    return error?.message ? [{ id: name, message: error.message }] : [];
  });
}

/** Puts the server's field errors on the form. Gives whether any of them belonged to it. */
export function showServerProblems<T extends FieldValues>(error: ApiError, setError: UseFormSetError<T>, names: FieldPath<T>[]): boolean {
  let shown = false;
  for (const name of names) {
    const problem = error.fields[name];
    if (!problem) continue;
    setError(name, { type: 'server', message: problem.message });
    shown = true;
  }
  return shown;
}

export interface DateParts {
  month: string;
  day: string;
  year: string;
}
export const noDate: DateParts = { month: '', day: '', year: '' };

/** The calendar date of three typed fields, or null when there is no such day. */
export function dayOf({ year, month, day }: DateParts): Day | null {
  if (!/^\d{4}$/.test(year.trim()) || !/^\d{1,2}$/.test(month.trim()) || !/^\d{1,2}$/.test(day.trim())) return null;
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  const date = new Date(Date.UTC(y, m - 1, d));
  if (date.getUTCFullYear() !== y || date.getUTCMonth() !== m - 1 || date.getUTCDate() !== d) return null;
  return date.toISOString().slice(0, 10);
}

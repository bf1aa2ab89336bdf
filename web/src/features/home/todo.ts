import type { Appointment, FormItem, Instant, Invoice } from '@/lib/types';

/** One thing the clinic asks of the person. */
export type Todo = { kind: 'form'; form: FormItem; forVisit: boolean } | { kind: 'invoice'; invoice: Invoice };

export function dueOf(todo: Todo): string | undefined {
  return todo.kind === 'form' ? todo.form.dueDate : todo.invoice.dueOn;
}

/**
 * The order of "what needs you now": what is overdue, what is due soonest, what the next visit needs, money, the rest.
 * Money that is not yet due waits behind everything the person has to prepare.
 */
export function inOrder(forms: FormItem[], invoices: Invoice[], next: Appointment | undefined, today: string): Todo[] {
  const todos: Todo[] = [
    ...forms.map((form) => ({ kind: 'form' as const, form, forVisit: next?.formsDue.includes(form.id) ?? false })),
    ...invoices.filter((invoice) => invoice.balanceCents > 0).map((invoice) => ({ kind: 'invoice' as const, invoice })),
  ];
  const rank = (todo: Todo): number => {
    if (isOverdue(todo, today)) return 0;
    if (todo.kind === 'invoice') return 3;
    if (todo.form.dueDate) return 1;
    return todo.forVisit ? 2 : 4;
  };
  return todos.sort((a, b) => rank(a) - rank(b) || (dueOf(a) ?? '9').localeCompare(dueOf(b) ?? '9'));
}

export function isOverdue(todo: Todo, today: string): boolean {
  if (todo.kind === 'form') return todo.form.isOverdue;
  return todo.invoice.dueOn < today;
}

/** The next visit that will take place; requests have no time yet. */
export function nextVisit(appointments: Appointment[]): Appointment | undefined {
  return appointments.filter((one) => one.status !== 'requested').sort((a, b) => a.startTime.localeCompare(b.startTime))[0];
}

export function partOfDay(hour: number): 'morning' | 'afternoon' | 'evening' {
  return hour < 12 ? 'morning' : hour < 18 ? 'afternoon' : 'evening';
}

export function isPast(at: Instant | undefined, now: number): boolean {
  return at !== undefined && Date.parse(at) <= now;
}

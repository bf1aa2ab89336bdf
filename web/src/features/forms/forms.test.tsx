import { screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { acknowledgeEnd, endSession, signIn } from '@/lib/session';
import type { FormItem, Responses } from '@/lib/types';
import { loginData, ok, refuse, serve, type Routes, type Seen } from '@/test/server';
import { renderRoutes } from '@/test/render';
import { routes } from '.';
import type { FormData } from './data';
import phq9 from '../../../../hooks/forms/builtin/phq-9.json';
import type { Item, Questionnaire } from './questionnaire/types';

const pagination = { page: 1, limit: 20, total: 1, totalPages: 1 };
const item = (over: Partial<FormItem> = {}): FormItem => ({
  id: 'f1', formType: 'assessment', formTitle: 'How you have been', assignedDate: '2026-11-01T00:00:00Z', status: 'pending', isOverdue: false, clientId: 'maya', signersLeft: 1, ...over,
});
const detail = (questionnaire: Questionnaire, over: Partial<FormData> = {}): FormData => ({
  form: item(), questionnaire, templateVersion: '1', responses: {}, draftVersion: 0, attestationText: 'I am Maya Okafor. This is true.', signatureRequired: false,
  signers: [{ role: 'self', name: 'Maya Okafor' }], ...over,
});
const of = (...items: Item[]): Questionnaire => ({ resourceType: 'Questionnaire', language: 'en', item: items });
const sent = { submissionId: 's1', submittedAt: '2026-11-30T17:00:00Z', status: 'COMPLETED', sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', pdfUrl: '' };
const phq = phq9 as unknown as Questionnaire;
const likert = (code: string, display: string) => ({ system: 'http://loinc.org', code, display });
const none = likert('LA6568-5', 'Not at all');
const several = likert('LA6569-3', 'Several days');
const eight = Object.fromEntries((phq.item ?? []).slice(0, 8).map((one) => [one.linkId, none])) as Responses;

/** A clinic's server with one form, whose drafts count up as the real ones do. */
function clinicWith(data: FormData, more: Routes = {}): Seen[] {
  let version = data.draftVersion;
  return serve({
    'GET forms/f1': () => ok(data),
    'GET forms': () => ok({ forms: [], pagination }),
    'PATCH forms/f1': () => ok({ draftVersion: ++version, savedAt: '2026-11-30T17:00:00Z' }),
    'POST forms/f1/submit': () => ok(sent, 201),
    ...more,
  });
}
const open = () => renderRoutes(routes, '/forms/f1');
const go = async (user: ReturnType<typeof open>['user'], name: string | RegExp) => user.click(await screen.findByRole('button', { name }));
const drafts = (seen: Seen[]) => seen.filter((one) => one.route === 'PATCH forms/f1').map((one) => one.body as { responses: Responses; draftVersion: number });
const submitted = (seen: Seen[]) => seen.find((one) => one.route === 'POST forms/f1/submit')?.body as { responses: Responses; signature?: unknown; attestation: boolean; signatureDate?: string };

beforeEach(() => {
  signIn(loginData());
  URL.createObjectURL = () => 'blob:x';
  URL.revokeObjectURL = () => {};
});
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('filling in', () => {
  it('asks one question at a time in its exact words, saves after a pause, and does not move on by itself', async () => {
    const seen = clinicWith(detail(phq));
    const { user } = open();
    expect(await screen.findByRole('heading', { level: 1, name: 'Little interest or pleasure in doing things?' })).toBeVisible();
    expect(screen.getByText('Question 1 of 10')).toBeVisible();
    await user.click(screen.getByRole('radio', { name: 'Several days' }));
    expect(screen.getByText('Question 1 of 10')).toBeVisible();
    await waitFor(() => expect(drafts(seen)).toEqual([{ responses: { '/44250-9': several }, draftVersion: 0 }]));
    expect((await screen.findAllByText('Saved')).length).toBeGreaterThan(0);
    await go(user, 'Continue');
    expect(await screen.findByRole('heading', { level: 1, name: 'Feeling down, depressed, or hopeless?' })).toBeVisible();
  });

  it('goes on at the first unanswered question', async () => {
    clinicWith(detail(phq, { responses: { '/44250-9': several, '/44255-8': none }, draftVersion: 4 }));
    open();
    expect(await screen.findByText('Question 3 of 10')).toBeVisible();
  });

  it('says what is missing, in a summary that leads to the field, and keeps the title honest', async () => {
    clinicWith(detail(phq));
    const { user } = open();
    await go(user, 'Continue');
    expect(await screen.findByText('There is 1 thing to fix')).toBeVisible();
    expect(document.title).toMatch(/^Error: /);
    await user.click(screen.getByRole('link', { name: 'Answer this question to go on.' }));
    expect(screen.getByRole('radio', { name: 'Not at all' })).toHaveFocus();
  });

  it('saves what is unsaved when the page is left, for the person it was opened for', async () => {
    const seen = clinicWith(detail(of({ linkId: 'q', type: 'string', text: 'Name' })));
    const { user } = open();
    await user.type(await screen.findByLabelText(/Name/), 'Maya');
    expect(drafts(seen)).toEqual([]);
    await user.click(screen.getByRole('link', { name: 'Save and leave' }));
    await waitFor(() => expect(drafts(seen)).toEqual([{ responses: { q: 'Maya' }, draftVersion: 0 }]));
    expect(seen.find((one) => one.route === 'PATCH forms/f1')?.headers.get('X-Client-Id')).toBe('maya');
  });

  it('never saves a half-typed number, and says what it wants', async () => {
    const seen = clinicWith(detail(of({ linkId: 'n', type: 'integer', text: 'Nights', required: true }, { linkId: 'q', type: 'string', text: 'Other' })));
    const { user } = open();
    await user.type(await screen.findByLabelText('Nights'), '3x');
    await go(user, 'Continue');
    expect(await screen.findByRole('link', { name: 'Enter a whole number.' })).toBeVisible();
    await waitFor(() => expect(drafts(seen)[0]?.responses).toEqual({}));
  });

  it('lets the person choose when another tab was faster', async () => {
    let conflict = true;
    const seen = clinicWith(detail(of({ linkId: 'q', type: 'string', text: 'Name' })), {
      'PATCH forms/f1': () => (conflict ? refuse(409, 'DRAFT_CONFLICT', { responses: { q: 'Theirs' }, draftVersion: 7 }) : ok({ draftVersion: 8, savedAt: '2026-11-30T17:00:00Z' })),
    });
    const { user } = open();
    await user.type(await screen.findByLabelText(/Name/), 'Mine');
    const dialog = await screen.findByRole('alertdialog', { name: 'This form is open in another tab' });
    conflict = false;
    await user.click(within(dialog).getByRole('button', { name: 'Use the other tab’s answers' }));
    expect(await screen.findByLabelText(/Name/)).toHaveValue('Theirs');
    await user.type(screen.getByLabelText(/Name/), '!');
    await waitFor(() => expect(drafts(seen).at(-1)).toEqual({ responses: { q: 'Theirs!' }, draftVersion: 7 }));
  });

  it('keeps answers on the page without a network', async () => {
    let offline = true;
    const seen = clinicWith(detail(of({ linkId: 'q', type: 'string', text: 'Name' })), {
      'PATCH forms/f1': () => {
        if (offline) throw new TypeError('Failed to fetch');
        return ok({ draftVersion: 1, savedAt: '2026-11-30T17:00:00Z' });
      },
    });
    const { user } = open();
    await user.type(await screen.findByLabelText(/Name/), 'Maya');
    expect(await screen.findByText(/What you write is kept on this page/)).toBeVisible();
    offline = false;
    window.dispatchEvent(new Event('online'));
    await waitFor(() => expect(screen.queryByText(/What you write is kept on this page/)).toBeNull());
    expect(drafts(seen).at(-1)?.responses).toEqual({ q: 'Maya' });
  });

  it('asks follow-up questions only when they apply', async () => {
    const seen = clinicWith(
      detail(of({ linkId: 'a', type: 'boolean', text: 'Do you smoke?', required: true }, { linkId: 'b', type: 'integer', text: 'How many a day?', enableWhen: [{ question: 'a', operator: '=', answerBoolean: true }] })),
    );
    const { user } = open();
    await user.click(await screen.findByRole('radio', { name: 'Yes' }));
    expect(screen.getByText('Question 1 of 2')).toBeVisible();
    await user.click(screen.getByRole('radio', { name: 'No' }));
    await go(user, 'Continue');
    expect(await screen.findByRole('heading', { name: 'Check your answers' })).toBeVisible();
    await user.click(screen.getByRole('checkbox'));
    await go(user, 'Send form');
    expect(await screen.findByRole('heading', { name: 'Sent' })).toBeVisible();
    expect(submitted(seen).responses).toEqual({ a: false });
  });

  it('takes several answers and rows', async () => {
    const seen = clinicWith(
      detail(
        of(
          { linkId: 'c', type: 'choice', repeats: true, text: 'What helps?', answerOption: [{ valueString: 'Music' }, { valueString: 'Walking' }, { valueString: 'Nothing', extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive', valueBoolean: true }] }] },
          { linkId: 'm', type: 'group', repeats: true, text: 'Medicine', item: [{ linkId: 'mn', type: 'string', text: 'Name', required: true }] },
        ),
      ),
    );
    const { user } = open();
    await user.click(await screen.findByRole('checkbox', { name: 'Music' }));
    await user.click(screen.getByRole('checkbox', { name: 'Nothing' }));
    expect(screen.getByRole('checkbox', { name: 'Music' })).not.toBeChecked();
    await user.click(screen.getByRole('checkbox', { name: 'Walking' }));
    expect(screen.getByRole('checkbox', { name: 'Nothing' })).not.toBeChecked();
    await go(user, 'Continue');
    await user.type(await screen.findByLabelText('Name'), 'A');
    await go(user, 'Add another');
    await user.type(screen.getAllByLabelText('Name')[1] as HTMLElement, 'B');
    await go(user, 'Remove Medicine 1');
    expect(screen.getByLabelText('Name')).toHaveValue('B');
    await waitFor(() => expect(drafts(seen).at(-1)?.responses).toEqual({ c: ['Walking'], m: [{ mn: 'B' }] }));
  });

  it('names the language of a text that has no translation', async () => {
    await setLanguage('es');
    clinicWith(detail(phq));
    open();
    expect(await screen.findByText('(en inglés)', { exact: false })).toBeVisible();
    expect(screen.getByText('Little interest or pleasure in doing things?')).toHaveAttribute('lang', 'en');
    expect(screen.getByText('Pregunta 1 de 10')).toBeVisible();
  });
});

describe('PHQ-9 item 9', () => {
  const atItem9 = () => clinicWith(detail(phq, { responses: eight, draftVersion: 3 }));

  it('above zero offers help at once, before the next question, and claims nothing', async () => {
    atItem9();
    const { user } = open();
    await user.click(await screen.findByRole('radio', { name: 'Several days' }));
    await go(user, 'Continue');
    expect(await screen.findByRole('heading', { level: 1, name: 'Thank you for telling us' })).toHaveFocus();
    expect(screen.getByText(/You can talk to someone now, free and in private/)).toBeVisible();
    expect(screen.getByRole('link', { name: 'Call 988' })).toHaveAttribute('href', 'tel:988');
    expect(screen.getByRole('link', { name: 'Text 988' })).toHaveAttribute('href', 'sms:988');
    expect(screen.queryByText(/told/)).toBeNull();
    await go(user, 'Go on with the form');
    expect(await screen.findByText('Question 10 of 10')).toBeVisible();
  });

  it('at zero goes on', async () => {
    atItem9();
    const { user } = open();
    await user.click(await screen.findByRole('radio', { name: 'Not at all' }));
    await go(user, 'Continue');
    expect(await screen.findByText('Question 10 of 10')).toBeVisible();
  });
});

describe('sending', () => {
  const one = of({ linkId: 'q', type: 'string', text: 'Name', required: true });
  const answered = { responses: { q: 'Maya' }, draftVersion: 2 };

  it('needs the statement, which is never ticked beforehand', async () => {
    const seen = clinicWith(detail(one, answered));
    const { user } = open();
    expect(await screen.findByRole('checkbox', { name: 'I am Maya Okafor. This is true.' })).not.toBeChecked();
    await go(user, 'Send form');
    expect(await screen.findByRole('link', { name: 'Tick the box to say that you agree.' })).toBeVisible();
    expect(submitted(seen)).toBeUndefined();
    await user.click(screen.getByRole('checkbox'));
    await go(user, 'Send form');
    expect(await screen.findByRole('heading', { name: 'Sent' })).toBeVisible();
    expect(submitted(seen)).toEqual({ responses: { q: 'Maya' }, attestation: true });
  });

  it('leads back to the question that the server refused, in the server’s words', async () => {
    clinicWith(detail(one, answered), {
      'POST forms/f1/submit': () => refuse(400, undefined, { fields: { q: { code: 'max_length', message: 'The answer to "Name" is too long.' } } }),
    });
    const { user } = open();
    await user.click(await screen.findByRole('checkbox'));
    await go(user, 'Send form');
    const link = await screen.findByRole('link', { name: 'The answer to "Name" is too long.' });
    expect(screen.getByLabelText('Name')).toHaveAccessibleDescription(expect.stringContaining('too long'));
    await user.click(link);
    await user.type(screen.getByLabelText('Name'), '!');
    expect(screen.queryByText('The answer to "Name" is too long.')).toBeNull();
    await go(user, 'Continue');
    expect(await screen.findByRole('heading', { name: 'Check your answers' })).toBeVisible();
  });

  it('says at the button what no question can show', async () => {
    clinicWith(detail(one, answered), {
      'POST forms/f1/submit': () => refuse(400, undefined, { fields: { signatureDate: { code: 'type', message: 'Give a date.' } } }, 'The date of the signature is not a date.'),
    });
    const { user } = open();
    await user.click(await screen.findByRole('checkbox'));
    await go(user, 'Send form');
    expect(await screen.findByRole('alert')).toHaveTextContent('The date of the signature is not a date.');
    expect(screen.getByRole('heading', { name: 'Check your answers' })).toBeVisible();
  });

  it('changes an answer and comes back to the review', async () => {
    clinicWith(detail(one, answered));
    const { user } = open();
    await go(user, 'Change the answer to: Name');
    await user.type(await screen.findByLabelText('Name'), ' O.');
    await go(user, 'Continue');
    expect(await screen.findByText('Maya O.')).toBeVisible();
  });

  it('shows what was sent when somebody else was faster', async () => {
    let gone = false;
    clinicWith(detail(one, answered), {
      'GET forms/f1': () => ok(gone ? { ...detail(one), form: item({ status: 'completed', signersLeft: 0 }), submission: { submissionId: 's', submittedAt: sent.submittedAt, pdfUrl: '', sha256: sent.sha256 } } : detail(one, answered)),
      'POST forms/f1/submit': () => {
        gone = true;
        return refuse(409, 'ALREADY_SUBMITTED');
      },
    });
    const { user } = open();
    await user.click(await screen.findByRole('checkbox'));
    await go(user, 'Send form');
    expect(await screen.findByRole('heading', { name: 'Sent' })).toBeVisible();
  });
});

describe('signing', () => {
  const consent = of({ linkId: 't', type: 'display', text: 'You may stop at any point.' });
  const toSign = (over: Partial<FormData> = {}) => detail(consent, { signatureRequired: true, form: item({ formTitle: 'Consent', estimatedMinutes: 2 }), ...over });

  it('shows the whole text and says all that is missing at once', async () => {
    const seen = clinicWith(toSign());
    const { user } = open();
    expect(await screen.findByText('You may stop at any point.')).toBeVisible();
    expect(screen.getByText('Read this, then sign below. It takes about 2 minutes.')).toBeVisible();
    expect(screen.getByRole('checkbox')).not.toBeChecked();
    await go(user, 'Sign and send');
    expect(await screen.findByText('There are 2 things to fix')).toBeVisible();
    expect(screen.getByRole('link', { name: 'Sign in the box, or choose Type and write your name.' })).toBeVisible();
    expect(submitted(seen)).toBeUndefined();
  });

  it('leaves the other way open where drawing does not work', async () => {
    // jsdom has no canvas, like a browser that forbids it.
    clinicWith(toSign());
    open();
    expect(await screen.findByText('Drawing doesn’t work here. Choose Type and write your name.')).toBeVisible();
  });

  it('takes a typed name that matches, and no other', async () => {
    const seen = clinicWith(toSign());
    const { user } = open();
    await user.click(await screen.findByRole('tab', { name: 'Type' }));
    await user.type(screen.getByLabelText('Write your full name'), 'Sam Okafor');
    await user.click(screen.getByRole('checkbox'));
    await go(user, 'Sign and send');
    expect(await screen.findByRole('link', { name: 'Write your name as it stands here: Maya Okafor' })).toBeVisible();
    await user.clear(screen.getByLabelText('Write your full name'));
    await user.type(screen.getByLabelText('Write your full name'), 'maya okafor');
    await go(user, 'Sign and send');
    expect(await screen.findByRole('heading', { level: 1, name: 'Signed' })).toBeVisible();
    expect(submitted(seen)).toMatchObject({ responses: {}, signature: { typed: 'maya okafor' }, attestation: true });
    expect(Date.parse(submitted(seen).signatureDate ?? '')).not.toBeNaN();
    expect(screen.getByText('9f86 d081 884c 7d65…')).toBeVisible();
  });

  it('says at the signature what the server finds wrong with it', async () => {
    clinicWith(toSign(), { 'POST forms/f1/submit': () => refuse(400, 'SIGNATURE_NAME_DIFFERS') });
    const { user } = open();
    await user.click(await screen.findByRole('tab', { name: 'Type' }));
    await user.type(screen.getByLabelText('Write your full name'), 'Maya Okafor');
    await user.click(screen.getByRole('checkbox'));
    await go(user, 'Sign and send');
    expect(await screen.findByRole('link', { name: 'Write your name as it stands here: Maya Okafor' })).toBeVisible();
  });

  it('says whose turn it is', async () => {
    clinicWith(toSign({ signers: [{ role: 'self', name: 'Maya Okafor' }, { role: 'partner', name: 'Sam Okafor' }] }));
    open();
    expect(await screen.findByText('1 of 2: you. Then Sam Okafor.')).toBeVisible();
  });
});

describe('what was sent', () => {
  const done = detail(of(), {
    signatureRequired: true, form: item({ status: 'completed', formTitle: 'Consent', signersLeft: 0 }),
    submission: { submissionId: 's', submittedAt: sent.submittedAt, pdfUrl: '', sha256: sent.sha256 },
  });

  it('waits for the PDF while it is made', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let asked = 0;
    clinicWith(done, { 'GET forms/f1/pdf': () => (++asked < 3 ? ok({ status: 'rendering' }, 202) : ok('pdf')) });
    const { user } = open();
    await go(user, 'Download the PDF');
    expect(await screen.findByText('Your PDF is being made. This takes a few seconds.')).toBeVisible();
    await vi.advanceTimersByTimeAsync(5000);
    await waitFor(() => expect(asked).toBe(3));
    await waitFor(() => expect(screen.queryByText('Your PDF is being made. This takes a few seconds.')).toBeNull());
  });

  it('says why a PDF cannot be had', async () => {
    clinicWith(done, { 'GET forms/f1/pdf': () => refuse(404, 'NOT_FOUND') });
    const { user } = open();
    await go(user, 'Download the PDF');
    expect(await screen.findByRole('alert')).toHaveTextContent('We can’t find that page, or it isn’t shared with you.');
  });
});

describe('the list', () => {
  it('puts the overdue first and says so', async () => {
    const lists: Record<string, FormItem[]> = {
      pending: [item({ id: 'a', formTitle: 'Later', dueDate: '2999-01-01' })],
      in_progress: [item({ id: 'b', formTitle: 'Overdue one', dueDate: '2020-01-01', isOverdue: true, status: 'in_progress' })],
      completed: [item({ id: 'c', formTitle: 'Old', status: 'completed', completedDate: '2026-01-05T00:00:00Z', signersLeft: 0 })],
    };
    serve({ 'GET forms': ({ query }) => ok({ forms: lists[query.get('status') ?? ''] ?? [], pagination }) });
    const { user } = renderRoutes(routes, '/forms');
    expect(await screen.findByText('2 forms to do. One is overdue.')).toBeVisible();
    expect(screen.getAllByRole('heading', { level: 2 }).map((one) => one.textContent)).toEqual(['Overdue one', expect.stringContaining('Later')]);
    expect(screen.getByRole('link', { name: 'Continue' })).toHaveAttribute('href', '/forms/b');
    await user.click(screen.getByRole('link', { name: 'Done' }));
    expect(await screen.findByRole('link', { name: /Old/ })).toHaveAttribute('href', '/forms/c');
  });

  it('is calm when there is nothing to do', async () => {
    serve({ 'GET forms': () => ok({ forms: [], pagination }) });
    renderRoutes(routes, '/forms');
    expect(await screen.findByText('No forms are waiting for you.')).toBeVisible();
    expect(await screen.findByText('You’re all caught up.')).toBeVisible();
  });
});

import { screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { acknowledgeEnd, endSession, signIn, switchClient } from '@/lib/session';
import { renderRoutes } from '@/test/render';
import { loginData, ok, refuse, serve, type Routes } from '@/test/server';
import { routes } from '.';
import { byDay, mannerOf, thingOf, type Look } from './accessLog';

const look = (over: Partial<Look> = {}): Look => ({ at: '2026-11-20T16:00:00Z', who: 'Dr. Ana Reyes', role: 'clinician', action: 'VIEW_FORM', resourceType: 'FORM', ...over });
const page = (entries: Look[], number = 1, totalPages = 1) => ok({ entries, pagination: { page: number, limit: 50, total: entries.length, totalPages } });
const open = (answers: Routes[string], at = '/profile/access-log', config = {}) => {
  const seen = serve({ 'GET profile/access-log': answers });
  return { seen, ...renderRoutes(routes, at, config) };
};
const sentences = async () => {
  await screen.findAllByRole('listitem');
  return screen.getAllByText(/\.$/, { selector: 'li p:first-child' }).map((one) => one.textContent);
};

beforeEach(() => signIn(loginData()));
afterEach(() => {
  endSession('signed-out');
  acknowledgeEnd();
});

describe('a line', () => {
  it.each([
    ['LIST_APPOINTMENTS', 'APPOINTMENT', 'look', 'visits'],
    ['VIEW_TREATMENT_NOTE', 'TREATMENT_NOTES', 'look', 'notes'],
    ['SUBSCRIBE', 'CLIENT', 'look', 'details'],
    ['DOWNLOAD_FILE', 'FILE', 'download', 'files'],
    ['CREATE_CARE_TEAM', 'CARE_TEAM', 'add', 'careTeam'],
    ['UPDATE_CLIENT', 'CLIENT', 'change', 'details'],
    ['DELETE_INVOICE_ITEM', 'INVOICE_ITEM', 'remove', 'bills'],
    ['FROB', 'SOMETHING_NEW', 'work', 'record'],
  ])('%s on %s has a manner and a thing', (action, resourceType, manner, thing) => {
    expect([mannerOf(action), thingOf(resourceType)]).toEqual([manner, thing]);
  });

  const told: [Partial<Look>, string, string][] = [
    [{ action: 'LIST_APPOINTMENTS', resourceType: 'APPOINTMENT' }, 'Dr. Ana Reyes looked at your visits.', 'Dr. Ana Reyes vio las citas.'],
    [{ who: 'Noah Bell', role: 'front_desk', action: 'UPDATE_CLIENT', resourceType: 'CLIENT' }, 'Noah Bell changed your personal details.', 'Noah Bell cambió los datos personales.'],
    [{ who: '', role: 'front_desk', action: 'CONFIRM_APPOINTMENT', resourceType: 'APPOINTMENT' }, 'The front desk confirmed a visit.', 'La recepción confirmó una cita.'],
    [{ who: 'Maya Okafor', role: 'you', action: 'SUBMIT_FORM' }, 'You sent in a form.', 'Usted envió un formulario.'],
    [{ who: 'Jordan Lee', breakGlass: true, action: 'BREAK_GLASS', resourceType: 'BREAK_GLASS' }, 'Jordan Lee opened your record in an emergency.', 'Jordan Lee abrió el expediente en una emergencia.'],
    [{ who: 'The payment service', role: 'system', action: 'REFUND_PAYMENT', resourceType: 'PAYMENT' }, 'The payment service paid money back.', 'El servicio de pagos devolvió dinero.'],
    [{ who: 'A former member of the staff', role: 'billing', action: 'VIEW_INVOICE', resourceType: 'INVOICE' }, 'Someone who no longer works at the clinic looked at your bills.', 'Alguien que ya no trabaja en la clínica vio las cuentas.'],
    [{ who: '', role: 'system', action: 'PAYMENT_SUCCEEDED', resourceType: 'PAYMENT' }, 'The portal noted a payment.', 'El portal anotó un pago.'],
    [{ action: 'FROB', resourceType: 'SOMETHING_NEW' }, 'Dr. Ana Reyes worked with your record.', 'Dr. Ana Reyes trabajó con el expediente.'],
    // Words of the page are no actions, and what every object has is none either.
    [{ action: 'empty', resourceType: 'CLIENT' }, 'Dr. Ana Reyes worked with your personal details.', 'Dr. Ana Reyes trabajó con los datos personales.'],
    [{ action: 'constructor', resourceType: 'constructor' }, 'Dr. Ana Reyes worked with your record.', 'Dr. Ana Reyes trabajó con el expediente.'],
  ];
  it.each(told)('%o is one plain sentence', async (over, english, spanish) => {
    open(() => page([look(over)]));
    expect(await sentences()).toEqual([english]);
    setLanguage('es');
    expect(await screen.findByText(spanish)).toBeInTheDocument();
  });
});

describe('folding', () => {
  const says = ({ who, resourceType }: Look) => `${who} ${resourceType}`;
  const dayOf = (at: string) => at.slice(0, 10);
  const you = (at: string, over: Partial<Look> = {}) => look({ at, who: 'Maya', role: 'you', ...over });

  it('makes one line a day of one’s own looks that read the same, and adds up how often', () => {
    const days = byDay(
      [you('2026-11-20T18:00:00Z', { action: 'LIST_FORMS', count: 3 }), you('2026-11-20T17:00:00Z', { resourceType: 'INVOICE' }), you('2026-11-20T16:00:00Z'), you('2026-11-19T16:00:00Z')],
      says,
      dayOf,
    );
    expect(days.map(({ day, lines }) => [day, lines.map((line) => [line.says, line.count, line.at])])).toEqual([
      ['2026-11-20', [['Maya FORM', 4, '2026-11-20T18:00:00Z'], ['Maya INVOICE', 1, '2026-11-20T17:00:00Z']]],
      ['2026-11-19', [['Maya FORM', 1, '2026-11-19T16:00:00Z']]],
    ]);
  });

  it('does the same with what the portal did', () => {
    const portal = (at: string) => look({ at, who: 'The portal', role: 'system', action: 'UPDATE_INVOICE' });
    const [day] = byDay([portal('2026-11-20T17:00:00Z'), portal('2026-11-20T16:00:00Z')], says, dayOf);
    expect(day!.lines).toHaveLength(1);
    expect(day!.lines[0]!.count).toBe(2);
  });

  it('leaves every look of somebody else as it is', () => {
    const [day] = byDay([look({ at: '2026-11-20T17:00:00Z' }), look({ at: '2026-11-20T16:00:00Z' })], says, dayOf);
    expect(day!.lines.map((line) => line.at)).toEqual(['2026-11-20T17:00:00Z', '2026-11-20T16:00:00Z']);
  });
});

describe('who looked at the record', () => {
  it('goes by the clinic’s days and times, and says who somebody is and how often', async () => {
    open(() =>
      page([
        // 6 am UTC is the evening before in Denver.
        look({ at: '2025-03-06T06:00:00Z', who: 'Maya Okafor', role: 'you', count: 4 }),
        look({ at: '2025-03-05T16:00:00Z' }),
      ]),
    );
    const day = (await screen.findByRole('heading', { name: 'Wednesday, March 5, 2025' })).closest('section')!;
    expect(within(day).getAllByRole('listitem').map((one) => one.textContent)).toEqual([
      'You looked at your forms.11:00\u00a0pm4 times',
      'Dr. Ana Reyes looked at your forms.Clinician9:00\u00a0am',
    ]);
    expect(screen.getByRole('link', { name: '(303) 555-0142' })).toHaveAttribute('href', 'tel:3035550142');
    expect(screen.queryByText('Emergency access')).toBeNull();
  });

  it('explains an emergency, and whom to ask', async () => {
    open(() => page([look({ breakGlass: true })]));
    expect(await screen.findAllByText('Emergency access')).toHaveLength(2);
    expect(screen.getByText(/told at once. To learn why it was done, call us at \(303\) 555-0142/)).toBeInTheDocument();
  });

  it('can show the people at the clinic only', async () => {
    const { user } = open(() => page([look(), look({ who: 'Sam Okafor', role: 'family' }), look({ who: 'Maya', role: 'you' })]));
    expect(await sentences()).toHaveLength(3);
    expect(screen.getByText('Acts for you')).toBeInTheDocument();
    await user.click(screen.getByRole('link', { name: 'People at the clinic' }));
    await waitFor(() => expect(screen.queryByText('You looked at your forms.')).toBeNull());
    expect(await sentences()).toEqual(['Dr. Ana Reyes looked at your forms.']);
  });

  it('shows earlier lines on demand, none of them twice', async () => {
    const first = look({ at: '2026-11-20T16:00:00Z' });
    const { user, seen } = open(({ query }) =>
      query.get('page') === '1' ? page([look({ at: '2026-11-20T17:00:00Z' }), first], 1, 2) : page([first, look({ at: '2026-11-19T16:00:00Z', action: 'VIEW_INVOICE', resourceType: 'INVOICE' })], 2, 2),
    );
    await user.click(await screen.findByRole('button', { name: 'Show earlier' }));
    expect(await screen.findByText('Dr. Ana Reyes looked at your bills.')).toBeInTheDocument();
    expect(await sentences()).toHaveLength(3);
    expect(screen.queryByRole('button', { name: 'Show earlier' })).toBeNull();
    expect(seen.map((one) => one.query.get('page'))).toEqual(['1', '2']);
  });

  it('keeps what it has when earlier lines cannot be had, and says why', async () => {
    const { user } = open(({ query }) => (query.get('page') === '1' ? page([look()], 1, 2) : refuse(400, 'NO')));
    await user.click(await screen.findByRole('button', { name: 'Show earlier' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Refused.');
    expect(await sentences()).toHaveLength(1);
    expect(screen.getByRole('button', { name: 'Show earlier' })).toBeInTheDocument();
  });

  it('is told to be empty while nobody has looked', async () => {
    open(() => page([]));
    expect(await screen.findByText('Nobody has looked at your record yet.')).toBeInTheDocument();
    expect(screen.queryByRole('link', { name: 'People at the clinic' })).toBeNull();
  });

  it('is told to be empty of the clinic’s people, so far or altogether', async () => {
    const { user } = open(({ query }) => page([look({ role: 'you', at: `2026-11-1${query.get('page')}T16:00:00Z` })], Number(query.get('page')), 2), '/profile/access-log?who=clinic');
    expect(await screen.findByText('Nobody at the clinic in what is shown so far.')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Show earlier' }));
    expect(await screen.findByText('Nobody at the clinic has looked at it.')).toBeInTheDocument();
  });

  it('offers another try when it failed', async () => {
    let works = false;
    const { user } = open(() => (works ? page([look()]) : refuse(500)));
    const again = await screen.findByRole('button', { name: /try again/i });
    works = true;
    await user.click(again);
    expect(await screen.findByText('Dr. Ana Reyes looked at your forms.')).toBeInTheDocument();
  });
});

describe('for somebody else', () => {
  it('asks for their record and names them', async () => {
    switchClient('leo');
    const { seen } = open(() => page([look(), look({ who: 'Sam Okafor', role: 'family', onBehalfOf: 'Leo Okafor' }), look({ who: 'Leo Okafor', role: 'family' })]));
    expect(await screen.findByText('Dr. Ana Reyes looked at Leo’s forms.')).toBeInTheDocument();
    expect(screen.getByRole('heading', { name: 'Who looked at Leo’s record' })).toBeInTheDocument();
    expect(screen.getByText('Acts for Leo')).toBeInTheDocument();
    expect(screen.getByText('The record’s own person')).toBeInTheDocument();
    expect(seen[0]?.headers.get('x-client-id')).toBe('leo');
  });

  it('says who may see it where the access does not cover it', async () => {
    switchClient('leo');
    open(() => refuse(403, 'SCOPE'));
    expect(await screen.findByText(/^Only people with full access can see who looked at Leo’s record/)).toBeInTheDocument();
  });
});

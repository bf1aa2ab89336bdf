import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { noDate } from '@/lib/forms';
import { setLanguage } from '@/lib/i18n';
import { renderRoutes } from '@/test/render';
import { Button } from './Button';
import { Row, Rows } from './Card';
import { CrisisNote } from './CrisisNote';
import { DataTable } from './DataTable';
import { Dialog } from './Dialog';
import { codeOf, DateOfBirth, meetsPolicy, RadioRows, TextInput } from './Field';
import { Page } from './Page';

describe('Button', () => {
  it('ignores further presses while busy, and stays reachable', async () => {
    const press = vi.fn();
    render(
      <Button busy busyLabel="Paying…" onClick={press}>
        Pay
      </Button>,
    );
    const button = screen.getByRole('button');
    await userEvent.click(button);
    expect(press).not.toHaveBeenCalled();
    expect(button).toHaveAttribute('aria-disabled', 'true');
    expect(button).not.toBeDisabled();
    expect(button).toHaveTextContent('Paying…');
  });

  it('does not submit a form twice', async () => {
    const submit = vi.fn((event: React.FormEvent) => event.preventDefault());
    render(
      <form onSubmit={submit}>
        <Button type="submit" busy>
          Send
        </Button>
      </form>,
    );
    await userEvent.click(screen.getByRole('button'));
    expect(submit).not.toHaveBeenCalled();
  });
});

describe('fields', () => {
  it('tie label, hint and message to the control', () => {
    render(<TextInput name="zip" label="Postcode" hint="Five digits" error="Enter a postcode." optional />);
    const field = screen.getByLabelText('Postcode (optional)');
    expect(field).toHaveAttribute('id', 'zip');
    expect(field).toHaveAccessibleDescription('Five digits Enter a postcode.');
    expect(field).toBeInvalid();
  });

  it('ask for the date of birth in the order of the language', async () => {
    const Host = () => {
      const [value, setValue] = useState(noDate);
      return <DateOfBirth label="Date of birth" name="dob" value={value} onChange={setValue} autoComplete="bday" />;
    };
    const view = render(<Host />);
    const labels = () => within(screen.getByRole('group')).getAllByRole('textbox').map((field) => (field as HTMLInputElement).labels?.[0]?.textContent);
    expect(labels()).toEqual(['Month', 'Day', 'Year']);
    await userEvent.type(screen.getByLabelText('Day'), '2x7');
    expect(screen.getByLabelText('Day')).toHaveValue('27');
    expect(screen.getByLabelText('Day')).toHaveAttribute('autocomplete', 'bday-day');
    view.unmount();
    await setLanguage('es');
    render(<Host />);
    expect(labels()).toEqual(['Día', 'Mes', 'Año']);
  });

  it('move through options with the keyboard and never move on by themselves', async () => {
    const change = vi.fn();
    const options = [
      { value: 'a', label: 'Not at all' },
      { value: 'b', label: 'Several days' },
    ];
    render(<RadioRows name="q" legend="How often?" options={options} value="a" onChange={change} error="Answer this question to go on." />);
    const group = screen.getByRole('group', { name: 'How often?' });
    expect(group).toHaveAccessibleDescription('Answer this question to go on.');
    await userEvent.click(screen.getByLabelText('Several days'));
    expect(change).toHaveBeenCalledWith('b');
  });

  it('read codes and passwords as people type them', () => {
    expect(codeOf(' 123 456 ')).toBe('123456');
    const policy = { minLength: 12, classes: true };
    expect(meetsPolicy('Abcdefgh12!?', policy)).toBe(true);
    expect(['Abcdefgh12!', 'abcdefgh12!?', 'ABCDEFGH12!?', 'Abcdefghij!?', 'Abcdefgh1234'].some((password) => meetsPolicy(password, policy))).toBe(false);
    expect(meetsPolicy('éÉ1!ñandúñandú', policy)).toBe(true);
    expect(meetsPolicy('fifteen letters', { minLength: 15, classes: false })).toBe(true);
  });
});

it('a row is one link, named by its title', () => {
  renderRoutes([{ path: '/', element: <Rows>{[<Row key="1" title="Pay $45.00" to="/pay" unread meta={['Due soon', false, undefined]} action={{ label: 'Pay' }} />]}</Rows> }], '/');
  expect(screen.getAllByRole('link')).toHaveLength(1);
  expect(screen.getByRole('link')).toHaveAccessibleName(/^Unread: ?Pay \$45\.00, Pay$/);
});

it('a table keeps its roles and its headings when it turns into cards', () => {
  render(
    <DataTable
      caption="Payments"
      rowKey={(row) => row.id}
      rows={[{ id: '1', date: 'November 5', amount: '$45.00' }]}
      columns={[
        { key: 'date', header: 'Date', cell: (row) => row.date },
        { key: 'amount', header: 'Amount', cell: (row) => row.amount, money: true },
      ]}
    />,
  );
  expect(screen.getByRole('table', { name: 'Payments' })).toBeInTheDocument();
  expect(screen.getByRole('rowheader')).toHaveTextContent('November 5');
  expect(screen.getByRole('cell')).toHaveAttribute('data-label', 'Amount');
});

it('a dialog puts the focus on its question, and Escape is the safe answer', async () => {
  const close = vi.fn();
  render(
    <Dialog open onClose={close} title="Cancel Thursday’s visit?" actions={<Button variant="danger">Cancel visit</Button>}>
      Cancelling now costs $75.00.
    </Dialog>,
  );
  expect(screen.getByRole('heading', { name: 'Cancel Thursday’s visit?' })).toHaveFocus();
  expect(screen.getByRole('dialog')).toHaveAttribute('aria-modal', 'true');
  expect(document.querySelector('style')).toBeNull();
  await userEvent.keyboard('{Escape}');
  expect(close).toHaveBeenCalledOnce();
});

describe('the crisis note', () => {
  const at = (crisisText: string) => renderRoutes([{ path: '/', element: <CrisisNote /> }], '/', { crisisText });

  it('can be dialled from', () => {
    at('In danger? Call 112 or 0911. Text 988.');
    expect(screen.getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual(['tel:112', 'tel:988']);
  });

  it('is translated where the clinic has not written its own', async () => {
    await setLanguage('es');
    at('Messages are not watched around the clock. Call or text 988 for the Suicide & Crisis Lifeline, day or night. In danger? Call 911.');
    expect(screen.getByText(/Los mensajes no se leen a toda hora/)).toBeInTheDocument();
  });

  it('is the clinic’s where it has', async () => {
    await setLanguage('es');
    at('Call our night line.');
    expect(screen.getByText('Call our night line.')).toBeInTheDocument();
  });
});

it('moves the focus to the title after a move inside the app, not on the first page', async () => {
  const { router } = renderRoutes(
    [
      { path: '/', element: <Page title="One" /> },
      { path: '/two', element: <Page title="Two" lead="Second page." /> },
    ],
    '/',
  );
  expect(document.body).toHaveFocus();
  await router.navigate('/two');
  const title = await screen.findByRole('heading', { name: 'Two' });
  await waitFor(() => expect(title).toHaveFocus()); // an effect: it may come after the heading
  expect(document.title).toBe('Two, Juniper House');
});

/* eslint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role --
   Changing `display` drops the roles of table elements, so they are stated again. */
import type { ReactNode } from 'react';
import { cx } from './cx';

export interface Column<T> {
  key: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** Amounts: right-aligned, figures of one width. */
  money?: boolean;
}

interface DataTableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
}

/**
 * A real table from 48rem up; below, one card row per record: the first column is its title, the others
 * label and value.
 */
export function DataTable<T>({ caption, columns, rows, rowKey }: DataTableProps<T>) {
  const [first, ...others] = columns;
  if (!first) return null;
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-surface">
      <table role="table" className="table-cards w-full border-collapse text-left">
        <caption className="sr-only">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row" className="border-b border-line">
            {columns.map((column) => (
              <th key={column.key} role="columnheader" scope="col" className={cx('px-5 py-3 text-xs font-semibold text-ink-2', column.money && 'text-right')}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" className="divide-y divide-line">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row" className="max-md:px-5 max-md:py-4">
              <th scope="row" role="rowheader" className="text-lg font-semibold md:px-5 md:py-4 md:text-md">
                {first.cell(row)}
              </th>
              {others.map((column) => (
                <td
                  key={column.key}
                  role="cell"
                  data-label={column.header}
                  className={cx('text-sm md:px-5 md:py-4 md:text-md', column.money && 'tabular-nums md:text-right')}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

import type { RowPath } from './enable';
import { rowsOf } from './form';
import type { Responses } from './types';

/** The answers with one of them changed, or taken out; the given ones stay as they are. */
export function withAnswer(responses: Responses, rows: RowPath, linkId: string, value: Responses[string] | undefined): Responses {
  const [outer, ...inner] = rows;
  if (outer) {
    const list = [...rowsOf(responses[outer.linkId])];
    list[outer.index] = withAnswer(list[outer.index] ?? {}, inner, linkId, value);
    return { ...responses, [outer.linkId]: list };
  }
  if (value !== undefined) return { ...responses, [linkId]: value };
  const others = { ...responses };
  delete others[linkId];
  return others;
}

import { renderHook } from '@testing-library/react';
import { expect, it } from 'vitest';
import { useIdempotencyKey } from './idempotency';

it('keeps the key for the same body and changes it with the body or on request', () => {
  const { result } = renderHook(() => useIdempotencyKey());
  const { keyFor, renew } = result.current;
  const first = keyFor({ a: 1 });
  expect(keyFor({ a: 1 })).toBe(first);
  const second = keyFor({ a: 2 });
  expect(second).not.toBe(first);
  expect(keyFor({ a: 1 })).not.toBe(first);
  const third = keyFor({ a: 1 });
  renew();
  expect(keyFor({ a: 1 })).not.toBe(third);
});

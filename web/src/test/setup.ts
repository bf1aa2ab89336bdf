import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { queryClient } from '@/lib/query';

// Pages are loaded when first visited, and a busy machine takes its time to compile them.
configure({ asyncUtilTimeout: 10_000 });
vi.setConfig({ testTimeout: 30_000 });

// jsdom has no layout.
window.scrollTo = () => {};

afterEach(async () => {
  cleanup();
  queryClient.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await setLanguage('en');
  window.localStorage.clear();
  window.sessionStorage.clear();
});

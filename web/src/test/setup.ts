import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';
import { setLanguage } from '@/lib/i18n';
import { queryClient } from '@/lib/query';

// Pages are loaded when first visited, and a busy machine takes its time to compile them.
configure({ asyncUtilTimeout: 20_000 });
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

// jsdom has no layout.
window.scrollTo = () => {};

afterEach(() => {
  cleanup();
  queryClient.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  setLanguage('en');
  window.localStorage.clear();
  window.sessionStorage.clear();
});

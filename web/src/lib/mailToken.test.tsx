import { render, screen } from '@testing-library/react';
import { createBrowserRouter, RouterProvider } from 'react-router';
import { afterEach, expect, it } from 'vitest';
import { hideMailToken, useMailToken } from './mailToken';

const Token = () => <p>{useMailToken() ?? 'none'}</p>;
const drawn = () => {
  const router = createBrowserRouter([{ path: '*', element: <Token /> }]);
  const view = render(<RouterProvider router={router} />);
  return { router, view };
};
afterEach(() => window.history.replaceState(null, '', '/'));

it('takes the token out of the address and keeps the rest of it', async () => {
  window.history.replaceState(null, '', '/sign-in/link?token=abc&next=%2Fforms#top');
  hideMailToken();
  expect(window.location.href).toBe('http://localhost:3000/sign-in/link?next=%2Fforms#top');
  drawn();
  expect(await screen.findByText('abc')).toBeInTheDocument();
});

it('is there again when the page is loaded again, and gone on the next page', async () => {
  window.history.replaceState(null, '', '/verify-email?token=abc');
  hideMailToken();
  drawn().view.unmount();
  hideMailToken();
  const { router } = drawn();
  expect(await screen.findByText('abc')).toBeInTheDocument();
  await router.navigate('/login');
  expect(await screen.findByText('none')).toBeInTheDocument();
});

it('leaves every other address as it is', () => {
  window.history.replaceState({ usr: { email: 'maya@okafor.example' } }, '', '/verify-email?next=%2Fforms');
  hideMailToken();
  expect(window.location.search).toBe('?next=%2Fforms');
  expect(window.history.state).toEqual({ usr: { email: 'maya@okafor.example' } });
});

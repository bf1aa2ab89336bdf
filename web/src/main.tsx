import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { hideMailToken } from './lib/mailToken';
import { loadSession } from './lib/session';
import './styles/app.css';

hideMailToken();

// Asked for while the code of the first page still loads.
void loadSession();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

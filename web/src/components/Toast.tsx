import { createContext, lazy, Suspense, useCallback, useContext, useState, type ReactNode } from 'react';

export interface ToastMessage {
  id: number;
  text: ReactNode;
  undo?: { label: string; onUndo: () => void };
}

type Show = (text: ReactNode, undo?: ToastMessage['undo']) => void;

const Context = createContext<Show>(() => {});
const ToastView = lazy(() => import('./ToastView'));

/** "Saved", "Copied", "Sent": done, and nothing to decide. Errors are never toasts. */
export function useToast(): Show {
  return useContext(Context);
}

/** One toast at a time, six seconds. Its code loads with the first one. */
export function ToastProvider({ children, label }: { children: ReactNode; label: string }) {
  const [message, setMessage] = useState<ToastMessage>();
  const show = useCallback<Show>((text, undo) => setMessage({ id: Date.now(), text, undo }), []);
  return (
    <>
      <Context value={show}>{children}</Context>
      {message && (
        <Suspense>
          <ToastView message={message} label={label} onClose={() => setMessage(undefined)} />
        </Suspense>
      )}
    </>
  );
}

import { X } from 'lucide-react';
import { AlertDialog as RadixAlert, Dialog as RadixDialog } from 'radix-ui';
import { useRef, type ReactNode } from 'react';
import { cx } from './cx';
import { Icon } from './Icon';
import { useComponentWords } from './words';

// Radix' own overlay locks scrolling through an inline <style>, which the content security policy refuses.
// A plain scrim does the same with a rule in app.css.
const scrim = 'fixed inset-0 bg-scrim motion-safe:animate-fade';
const panel =
  'fixed flex max-h-[90dvh] flex-col overflow-y-auto bg-raised text-ink shadow-3 motion-safe:animate-rise ' +
  'inset-x-0 bottom-0 rounded-t-lg px-5 pt-6 pb-[calc(1.25rem+env(safe-area-inset-bottom))] ' +
  'sm:inset-x-auto sm:bottom-auto sm:top-1/2 sm:left-1/2 sm:w-[min(30rem,calc(100vw-2rem))] sm:-translate-x-1/2 sm:-translate-y-1/2 sm:rounded-lg sm:p-6';

interface DialogProps {
  open: boolean;
  onClose: () => void;
  /** The question. */
  title: ReactNode;
  /** The consequence. */
  children?: ReactNode;
  /** Buttons that name the acts; the primary first. On desktop they stand right, primary rightmost. */
  actions?: ReactNode;
  /** Focus goes to the title (a consequence to read) or to the first field (something to fill in). */
  focus?: 'title' | 'field';
}

/** A decision about the current page; a bottom sheet on phones. Escape and the close button are the safe answer. */
export function Dialog({ open, onClose, title, children, actions, focus = 'title' }: DialogProps) {
  const { t } = useComponentWords();
  const heading = useRef<HTMLHeadingElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<Element>(null);
  return (
    <RadixDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <RadixDialog.Portal>
        <div data-scrim className={cx(scrim, 'z-(--z-sheet)')} />
        <RadixDialog.Content
          ref={box}
          className={cx(panel, 'z-(--z-sheet)')}
          aria-modal
          aria-describedby={undefined}
          onOpenAutoFocus={(event) => {
            opener.current = document.activeElement;
            event.preventDefault();
            const field = focus === 'field' && box.current?.querySelector<HTMLElement>('input:not([hidden]), select, textarea');
            (field || heading.current)?.focus();
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            // What opened it may be gone with what it removed; then the page's title is where to go on.
            const back = opener.current?.isConnected && opener.current !== document.body ? opener.current : document.querySelector('main h1');
            (back as HTMLElement | null)?.focus();
          }}
        >
          <div className="flex items-start justify-between gap-4">
            <RadixDialog.Title ref={heading} tabIndex={-1} className="outline-none">
              {title}
            </RadixDialog.Title>
            <RadixDialog.Close aria-label={t('close')} className="-mt-2 -mr-2 grid size-11 shrink-0 place-items-center rounded-md text-ink-2 hover:bg-sunken">
              <Icon of={X} />
            </RadixDialog.Close>
          </div>
          {children && <div className="mt-2">{children}</div>}
          {actions && <DialogActions>{actions}</DialogActions>}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

interface AlertDialogProps {
  open: boolean;
  title: ReactNode;
  children: ReactNode;
  actions: ReactNode;
  /** Escape; leave out when there is no safe answer other than the buttons. */
  onEscape?: () => void;
  /** Above everything, for the idle warning. */
  onTop?: boolean;
}

/** A dialog that must be answered: no close button, no click outside. Focus goes to its first button. */
export function AlertDialog({ open, title, children, actions, onEscape, onTop }: AlertDialogProps) {
  const box = useRef<HTMLDivElement>(null);
  return (
    <RadixAlert.Root open={open}>
      <RadixAlert.Portal>
        <div data-scrim className={cx(scrim, onTop ? 'z-(--z-idle)' : 'z-(--z-sheet)')} />
        <RadixAlert.Content
          ref={box}
          className={cx(panel, onTop ? 'z-(--z-idle)' : 'z-(--z-sheet)')}
          aria-modal
          onEscapeKeyDown={(event) => {
            event.preventDefault();
            onEscape?.();
          }}
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            box.current?.querySelector<HTMLElement>('[data-actions] button')?.focus();
          }}
        >
          <RadixAlert.Title>{title}</RadixAlert.Title>
          <RadixAlert.Description asChild>
            <div className="mt-2">{children}</div>
          </RadixAlert.Description>
          <DialogActions>{actions}</DialogActions>
        </RadixAlert.Content>
      </RadixAlert.Portal>
    </RadixAlert.Root>
  );
}

function DialogActions({ children }: { children: ReactNode }) {
  return (
    <div data-actions className="mt-6 flex flex-col gap-3 sm:flex-row-reverse sm:flex-wrap sm:justify-start">
      {children}
    </div>
  );
}

import type { ReactNode } from 'react';
import type { Act } from '@/lib/proof';
import { Button } from './Button';
import { Dialog } from './Dialog';
import { Failure } from './Failure';

interface ConfirmDialogProps {
  /** The question. */
  title: string;
  /** The consequence. */
  children: ReactNode;
  /** Names the act. */
  action: string;
  busyLabel: string;
  /** The safe answer. */
  keep: string;
  act: Pick<Act<never, unknown>, 'busy' | 'error' | 'reset'>;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  /** The page's own sentences for reasons it knows. */
  says?: Record<string, string>;
}

/** Asks before something is taken away, and stays to say why when it could not be. */
export function ConfirmDialog({ title, children, action, busyLabel, keep, act, onConfirm, onClose, says }: ConfirmDialogProps) {
  const close = () => {
    act.reset();
    onClose();
  };
  return (
    <Dialog
      open
      onClose={close}
      title={title}
      actions={
        <>
          <Button variant="danger" busy={act.busy} busyLabel={busyLabel} onClick={() => void onConfirm()}>
            {action}
          </Button>
          <Button variant="quiet" onClick={close}>
            {keep}
          </Button>
        </>
      }
    >
      <Failure error={act.error} says={says} className="mb-4" />
      <p>{children}</p>
    </Dialog>
  );
}

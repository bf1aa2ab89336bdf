import { Toast as Radix } from 'radix-ui';
import type { ToastMessage } from './Toast';

/** Radix' toast: pauses while pointed at or focused, is announced, and can be reached with F8. */
export default function ToastView({ message, label, onClose }: { message: ToastMessage; label: string; onClose: () => void }) {
  return (
    <Radix.Provider duration={6000} label={label} swipeDirection="down">
      <Radix.Root
        key={message.id}
        type="background"
        onOpenChange={(open) => !open && onClose()}
        className="flex items-center gap-4 rounded-md bg-ink px-4 py-3 text-page shadow-3 motion-safe:animate-rise"
      >
        <Radix.Description>{message.text}</Radix.Description>
        {message.undo && (
          <Radix.Action altText={message.undo.label} onClick={message.undo.onUndo} className="min-h-11 font-semibold underline">
            {message.undo.label}
          </Radix.Action>
        )}
      </Radix.Root>
      {/* What was said before a dialog opened does not cover its buttons. */}
      <Radix.Viewport className="fixed inset-x-4 bottom-[calc(var(--h-tabbar)+1rem)] z-(--z-toast) mx-auto max-w-96 [body:has([data-scrim])_&]:z-(--z-bar) lg:inset-x-auto lg:bottom-6 lg:left-6" />
    </Radix.Provider>
  );
}

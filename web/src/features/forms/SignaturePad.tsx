import type Pad from 'signature_pad';
import type { PointGroup } from 'signature_pad';
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from 'react';
import { Button } from '@/components/Button';
import { fitStrokes, type Stroke } from './signature';
import { useFormWords } from './words';

export interface SignaturePadHandle {
  /** The strokes so far, in CSS pixels. */
  strokes: () => Stroke[];
  /** Dark ink on a transparent ground, whatever the theme, as a PNG data URL. */
  toPng: () => string;
}

interface SignaturePadProps {
  id: string;
  /** Printed under the line. */
  name: string;
  ref: Ref<SignaturePadHandle>;
  onChange: () => void;
  invalid: boolean;
  describedBy?: string;
}

/** Wide enough to print well, and well below what the server takes. */
const EXPORT_WIDTH = 1200;

/** The box to sign in. Strokes are kept when the phone is turned, the window changes or the theme switches. */
export function SignaturePad({ id, name, ref, onChange, invalid, describedBy }: SignaturePadProps) {
  const { t } = useFormWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const pad = useRef<Pad>(null);
  const size = useRef({ width: 0, height: 0 });
  const changed = useRef(onChange);
  const [drawn, setDrawn] = useState(false);
  const [said, setSaid] = useState('');
  const [broken, setBroken] = useState(false);

  useEffect(() => {
    changed.current = onChange;
  });

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    let stop: (() => void) | undefined;
    let gone = false;
    const begin = async () => {
      const { default: SignaturePadLibrary } = await import('signature_pad');
      if (gone) return;
      const own = new SignaturePadLibrary(element, { minWidth: 0.8, maxWidth: 2.6 });
      pad.current = own;
      own.addEventListener('endStroke', () => {
        setDrawn(true);
        setSaid('');
        changed.current();
      });

      const redraw = () => {
        const { width, height } = element.getBoundingClientRect();
        if (width === 0) return;
        const scale = Math.max(1, window.devicePixelRatio);
        const before = own.toData();
        element.width = Math.round(width * scale);
        element.height = Math.round(height * scale);
        element.getContext('2d')?.scale(scale, scale);
        size.current = { width, height };
        own.penColor = getComputedStyle(element).color;
        own.fromData(inkOf(before, size.current, own.penColor));
      };
      redraw();
      const resized = new ResizeObserver(redraw);
      resized.observe(element);
      const themed = new MutationObserver(redraw);
      themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
      const system = window.matchMedia('(prefers-color-scheme: dark)');
      system.addEventListener('change', redraw);
      stop = () => {
        resized.disconnect();
        themed.disconnect();
        system.removeEventListener('change', redraw);
        own.off();
        pad.current = null;
      };
    };
    // No network, or no canvas: the other way to sign is as good.
    begin().catch(() => setBroken(true));
    return () => {
      gone = true;
      stop?.();
    };
  }, []);

  useImperativeHandle(ref, () => ({
    strokes: () => pad.current?.toData().map((group) => group.points) ?? [],
    toPng: () => {
      const own = pad.current;
      const { width, height } = size.current;
      if (!own || width === 0) return '';
      const scale = EXPORT_WIDTH / width;
      const sheet = document.createElement('canvas');
      sheet.width = EXPORT_WIDTH;
      sheet.height = Math.round(height * scale);
      sheet.getContext('2d')?.scale(scale, scale);
      const copy = new (own.constructor as typeof Pad)(sheet);
      copy.fromData(inkOf(own.toData(), size.current, 'black'));
      const png = copy.toDataURL('image/png');
      copy.off();
      return png;
    },
  }));

  if (broken) {
    return (
      <p id={id} tabIndex={-1} className="rounded-md border border-line-strong bg-surface p-5">
        {t('padBroken')}
      </p>
    );
  }

  const clear = () => {
    pad.current?.clear();
    setDrawn(false);
    setSaid(t('cleared'));
    changed.current();
  };

  return (
    <div className={invalid ? 'relative h-44 rounded-md border-2 border-danger bg-surface' : 'relative h-44 rounded-md border border-line-strong bg-surface'}>
      <span aria-hidden className="absolute bottom-12 left-5 text-lg text-ink-3">
        ×
      </span>
      <span aria-hidden className="absolute right-5 bottom-11.5 left-5 border-b border-line-strong" />
      <span className="absolute bottom-3 left-5 max-w-[60%] truncate text-sm text-ink-2">{name}</span>
      <canvas
        ref={canvas}
        id={id}
        role="img"
        tabIndex={-1}
        aria-label={drawn ? t('padDrawn') : t('padLabel')}
        aria-describedby={describedBy}
        className="absolute inset-0 size-full cursor-crosshair touch-none rounded-md text-ink"
      />
      <Button variant="quiet" small className="absolute right-1 bottom-0.5" onClick={clear}>
        {t('clearPad')}
      </Button>
      <p role="status" className="sr-only">
        {said}
      </p>
    </div>
  );
}

function inkOf(groups: PointGroup[], pad: { width: number; height: number }, penColor: string): PointGroup[] {
  const points = fitStrokes(
    groups.map((group) => group.points),
    pad,
  );
  return groups.map((group, index) => ({ ...group, penColor, points: points[index] ?? [] }));
}

/**
 * What counts as a signature, and the shapes in which it travels. Drawing and
 * typing are equal: nobody is made to drag.
 */

export interface InkPoint {
  x: number;
  y: number;
}

/** One movement of the pen, in CSS pixels of the pad. */
export type Stroke = readonly InkPoint[];

export type Signature = string | { typed: string };

/** A slip of the finger is no signature: two strokes, or 40 px of ink. */
export function countsAsDrawn(strokes: readonly Stroke[]): boolean {
  const drawn = strokes.filter((s) => s.length > 0);
  return drawn.length >= 2 || drawn.reduce((sum, s) => sum + strokeLength(s), 0) >= 40;
}

function strokeLength(stroke: Stroke): number {
  let length = 0;
  for (let i = 1; i < stroke.length; i++) {
    const [a, b] = [stroke[i - 1] as InkPoint, stroke[i] as InkPoint];
    length += Math.hypot(b.x - a.x, b.y - a.y);
  }
  return length;
}

/** Case, spacing, and the apostrophes and hyphens that phones substitute are forgiven; another name is not. */
export function matchesName(typed: string, name: string): boolean {
  return foldName(typed) !== '' && foldName(typed) === foldName(name);
}

function foldName(name: string): string {
  return name.replace(/[’‘ʼ`]/g, "'").replace(/[‐‑–]/g, '-').normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\s+/g, ' ').trim();
}

export type SignatureProblem = 'missing' | 'name' | 'attestation';

export interface SignatureDraft {
  mode: 'draw' | 'type';
  strokes: readonly Stroke[];
  typed: string;
  attested: boolean;
}

export function checkSignature(draft: SignatureDraft, name: string): SignatureProblem[] {
  const problems: SignatureProblem[] = [];
  if (draft.mode === 'draw' && !countsAsDrawn(draft.strokes)) problems.push('missing');
  if (draft.mode === 'type') {
    if (draft.typed.trim() === '') problems.push('missing');
    else if (!matchesName(draft.typed, name)) problems.push('name');
  }
  if (!draft.attested) problems.push('attestation');
  return problems;
}

/** The strokes on a pad of another size: as they are when they fit, else smaller in the same shape, never cut off. */
export function fitStrokes<P extends InkPoint>(strokes: readonly (readonly P[])[], pad: { width: number; height: number }): P[][] {
  const points = strokes.flat();
  const reach = (axis: 'x' | 'y') => Math.max(1, ...points.map((p) => p[axis]));
  const scale = Math.min(1, pad.width / reach('x'), pad.height / reach('y'));
  return strokes.map((stroke) => stroke.map((p) => ({ ...p, x: p.x * scale, y: p.y * scale })));
}

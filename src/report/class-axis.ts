/** Axes of a matrix whose rows or columns are inputs, grouped by class. */
import type { Mark } from 'vega';

import { type ClassLabels, readArray } from '../array-input';
import { describeShape, invalidArgument, mismatch } from '../errors';
import { line, text } from './marks';

/** The inputs of one class, in their order; without labels, all inputs in one run without a name. */
export interface ClassRun {
  readonly label: string | null;
  readonly inputs: readonly number[];
}

/** Ticks nearer to one another than this are left out, so that labels do not touch. */
const NEAREST_LABELS = 14;

/** Groups inputs by class: numbers in ascending order, other labels in order of appearance. */
export function classRuns(where: string, labels: ClassLabels | undefined, n: number): ClassRun[] {
  if (labels === undefined) return [{ label: null, inputs: Array.from({ length: n }, (_, i) => i) }];
  const list = readClassLabels(where, labels);
  if (list.length !== n) throw mismatch(where, `${n} labels, one for each input`, `${list.length}`);
  const runs = new Map<number | string, number[]>();
  list.forEach((label, input) => {
    const run = runs.get(label);
    if (run === undefined) runs.set(label, [input]);
    else run.push(input);
  });
  const entries = [...runs];
  if (entries.every(([label]) => typeof label === 'number')) {
    entries.sort(([a], [b]) => Number(a) - Number(b));
  }
  return entries.map(([label, inputs]) => ({ label: String(label), inputs }));
}

function readClassLabels(where: string, labels: unknown): (number | string)[] {
  if (Array.isArray(labels)) {
    return Array.from(labels, (label: unknown, i) =>
      typeof label === 'number' ? label : expectText(`${where}[${i}]`, label),
    );
  }
  const { data, shape } = readArray(where, labels);
  if (shape.length !== 1)
    throw mismatch(where, 'numbers or texts, one axis', `shape ${describeShape(shape)}`);
  return Array.from(data);
}

/** Ticks where classes meet, their labels in the middle, and the title of the axis. */
export function axisMarks(
  axis: 'x' | 'y',
  runs: readonly ClassRun[],
  side: number,
  { titled = true } = {},
): Mark[] {
  const total = runs.reduce((sum, run) => sum + run.inputs.length, 0);
  const marks: Mark[] = [];
  const classes = runs[0]?.label != null;
  let start = 0;
  let lastLabel = -Infinity;
  for (const { label, inputs } of runs) {
    const end = start + (inputs.length / total) * side;
    const middle = (start + end) / 2;
    if (start > 0) marks.push(axis === 'x' ? line(start, side, start, side + 5) : line(-5, start, 0, start));
    if (label !== null && middle - lastLabel >= NEAREST_LABELS) {
      marks.push(
        axis === 'x'
          ? text(label, { x: middle, y: side + 18, size: 12.5 })
          : text(label, { x: -8, y: middle + 4.5, size: 12.5, align: 'right' }),
      );
      lastLabel = middle;
    }
    start = end;
  }
  if (titled) {
    const what = classes ? 'class of the input' : `${total} inputs`;
    marks.push(
      axis === 'x'
        ? text(`${what} x′`, { x: side / 2, y: side + 39, size: 13.5 })
        : text(`${what} x`, { x: classes ? -36 : -16, y: side / 2, size: 13.5, angle: -90 }),
    );
  }
  return marks;
}

/** What an SVG, which is XML, can hold. */
export function expectText(where: string, text: unknown): string {
  // eslint-disable-next-line no-control-regex -- these very characters are what XML refuses
  if (typeof text !== 'string' || /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text))
    throw invalidArgument(where, 'a text without control characters', text);
  return text;
}

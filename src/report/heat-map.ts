/** Matrices as small pictures: one colour for each entry, on a logarithmic scale. */
import { createRequire } from 'node:module';

import type * as Pngjs from 'pngjs';

import type { NdArray } from '../ndarray';

const load = createRequire(__filename);

type Colour = readonly [red: number, green: number, blue: number];

/** From an entry to its colour. */
export interface LogColours {
  /** The smallest and the largest positive entry; the smallest is below the largest. */
  readonly domain: readonly [low: number, high: number];
  readonly colourAt: (position: number) => Colour;
  /** Of entries that have no logarithm. */
  readonly neutral: Colour;
}

/** About how many pixels an edge has: as many as the PNG of the whole picture gives it, so that nothing is blurred. */
const EDGE_PIXELS = 600;

/** Whether an entry has a place on a logarithmic scale. */
export function isPositive(value: number): boolean {
  return value > 0 && value < Infinity;
}

/** How many entries have none. */
export function countHidden({ data }: NdArray): number {
  let count = 0;
  for (const value of data) if (!isPositive(value)) count++;
  return count;
}

/** The range of the positive entries of all matrices, widened where they are all alike; 1 .. 10 where there are none. */
export function positiveRange(matrices: readonly NdArray[]): [low: number, high: number] {
  let low = Infinity;
  let high = 0;
  for (const { data } of matrices) {
    for (const value of data) {
      if (!isPositive(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (high === 0) return [1, 10];
  return high > low * 1.001 ? [low, high] : [low / 1.1, high * 1.1];
}

/**
 * A matrix as a PNG picture in a data URI, first row on top.
 *
 * @param rows the order in which rows are drawn
 * @param columns the order in which columns are drawn
 */
export function heatMapUri(
  { data, shape }: NdArray,
  rows: readonly number[],
  columns: readonly number[],
  colours: LogColours,
): string {
  const [low, high] = colours.domain.map(Math.log) as [number, number];
  return pictureUri(rows.length, columns.length, (i, j) => {
    const value = data[rows[i]! * shape[1]! + columns[j]!]!;
    return isPositive(value) ? colours.colourAt((Math.log(value) - low) / (high - low)) : colours.neutral;
  });
}

/** The colours from the highest, on top, to the lowest, as a data URI. */
export function colourBarUri(colours: LogColours): string {
  const steps = 256;
  return pictureUri(steps, 1, (i) => colours.colourAt(1 - (i + 0.5) / steps));
}

function pictureUri(rows: number, columns: number, colourOf: (i: number, j: number) => Colour): string {
  const enlarge = Math.max(1, Math.ceil(EDGE_PIXELS / Math.max(rows, columns)));
  const { PNG } = load('pngjs') as typeof Pngjs;
  const picture = new PNG({ width: columns * enlarge, height: rows * enlarge, colorType: 2 });
  const pixels = picture.data;
  const line = 4 * picture.width;
  for (let i = 0; i < rows; i++) {
    const start = i * enlarge * line;
    for (let j = 0; j < columns; j++) {
      const [red, green, blue] = colourOf(i, j);
      for (let at = start + 4 * j * enlarge; at < start + 4 * (j + 1) * enlarge; at += 4) {
        pixels[at] = red;
        pixels[at + 1] = green;
        pixels[at + 2] = blue;
        pixels[at + 3] = 255;
      }
    }
    for (let copy = 1; copy < enlarge; copy++) pixels.copyWithin(start + copy * line, start, start + line);
  }
  // Lines repeat, so "the difference to the line above" is the best of the filters; to try all takes much longer.
  const bytes = PNG.sync.write(picture, { colorType: 2, filterType: 2, deflateStrategy: 0 });
  return `data:image/png;base64,${bytes.toString('base64')}`;
}

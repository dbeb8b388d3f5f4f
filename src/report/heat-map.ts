/** Matrices as small pictures: one colour for each entry, on a logarithmic scale. */
import { PNG } from 'pngjs';

import type { NdArray } from '../ndarray';

type Colour = readonly [red: number, green: number, blue: number];

/** From an entry to its colour. */
export interface LogColours {
  /** The smallest and the largest positive entry; the smallest is below the largest. */
  readonly domain: readonly [low: number, high: number];
  readonly colourAt: (position: number) => Colour;
  /** Of entries that have no logarithm. */
  readonly neutral: Colour;
}

/** About how many pixels an edge has: enough that no viewer needs to blur it. */
const EDGE_PIXELS = 600;

/** Whether an entry has a place on a logarithmic scale. */
export function isPositive(value: number): boolean {
  return value > 0 && value < Infinity;
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
  const picture = new PNG({ width: columns * enlarge, height: rows * enlarge, colorType: 2 });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const pixel = Uint8Array.of(...colourOf(i, j), 255);
      for (let y = i * enlarge; y < (i + 1) * enlarge; y++) {
        for (let x = j * enlarge; x < (j + 1) * enlarge; x++) {
          picture.data.set(pixel, 4 * (y * picture.width + x));
        }
      }
    }
  }
  return `data:image/png;base64,${PNG.sync.write(picture, { colorType: 2 }).toString('base64')}`;
}

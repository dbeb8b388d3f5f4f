/** Sums over replicas that an estimate of the dispersion is made from. They merge exactly, in any order. */
import type { ChainReplicas } from '../../backend/seam';
import { ExactSum } from '../../numbers/exact-sum';

const { max, min } = Math;

/** Replicas that are added at once. */
const BLOCK = 1024;
const xs = new Float64Array(3 * BLOCK); // of every part of the mixture, BLOCK each
const ys = new Float64Array(3 * BLOCK);
const products = new Float64Array(BLOCK);

/** The powers of two that Theta and its square are measured by, so that their sums are numbers near 1. */
export interface Scale {
  readonly first: number;
  readonly second: number;
}

/** The sums over the replicas drawn from one part of the mixture: of x = w Theta and y = w Theta^2, in units of the scale. */
export interface PartSums {
  count: number;
  readonly x: ExactSum;
  readonly y: ExactSum;
  readonly xx: ExactSum;
  readonly yy: ExactSum;
  readonly xy: ExactSum;
}

export const SUM_NAMES = ['x', 'y', 'xx', 'yy', 'xy'] as const;

/** As it is written to a file. */
export interface AccumulatorJson {
  readonly largest: number;
  readonly parts: readonly (Readonly<Record<(typeof SUM_NAMES)[number], number[]>> & {
    readonly count: number;
  })[];
}

export class Accumulator {
  /** The largest y. */
  largest = 0;
  readonly parts: readonly PartSums[];

  constructor(
    readonly scale: Scale,
    json?: AccumulatorJson,
  ) {
    const sum = (i: number, name: (typeof SUM_NAMES)[number]): ExactSum =>
      new ExactSum(json?.parts[i]?.[name]);
    this.parts = [0, 1, 2].map((i) => ({
      count: json?.parts[i]?.count ?? 0,
      x: sum(i, 'x'),
      y: sum(i, 'y'),
      xx: sum(i, 'xx'),
      yy: sum(i, 'yy'),
      xy: sum(i, 'xy'),
    }));
    this.largest = json?.largest ?? 0;
  }

  get count(): number {
    return this.parts.reduce((sum, part) => sum + part.count, 0);
  }

  /** Adds the first `count` replicas. */
  add(replicas: ChainReplicas, count: number): void {
    for (let from = 0; from < count; from += BLOCK) this.#addBlock(replicas, from, min(count, from + BLOCK));
  }

  #addBlock(replicas: ChainReplicas, from: number, to: number): void {
    const { thetas, exponents, weights, weightExponents, parts } = replicas;
    const { first, second } = this.scale;
    const counts = [0, 0, 0];
    for (let i = from; i < to; i++) {
      const theta = thetas[i]!;
      const exponent = exponents[i]!;
      const weighted = theta * weights[i]!;
      const part = parts[i]!;
      const at = BLOCK * part + counts[part]!++;
      xs[at] = shifted(weighted, exponent + weightExponents[i]! - first);
      ys[at] = shifted(weighted * theta, 2 * exponent + weightExponents[i]! - second);
      if (ys[at] > this.largest) this.largest = ys[at]!;
    }
    this.parts.forEach((part, p) => {
      const count = counts[p]!;
      const x = xs.subarray(BLOCK * p);
      const y = ys.subarray(BLOCK * p);
      part.count += count;
      part.x.add(x, count);
      part.y.add(y, count);
      part.xx.add(multiply(x, x, count), count);
      part.yy.add(multiply(y, y, count), count);
      part.xy.add(multiply(x, y, count), count);
    });
  }

  merge(other: Accumulator): void {
    this.parts.forEach((part, i) => {
      const from = other.parts[i]!;
      part.count += from.count;
      for (const name of SUM_NAMES) part[name].addAll(from[name]);
    });
    this.largest = max(this.largest, other.largest);
  }

  /** The text of {@link AccumulatorJson}. */
  json(): string[] {
    const content: AccumulatorJson = {
      largest: this.largest,
      parts: this.parts.map(({ count, x, y, xx, yy, xy }) => ({
        count,
        x: x.parts(),
        y: y.parts(),
        xx: xx.parts(),
        yy: yy.parts(),
        xy: xy.parts(),
      })),
    };
    return [JSON.stringify(content)];
  }
}

function multiply(a: Float64Array, b: Float64Array, count: number): Float64Array {
  for (let i = 0; i < count; i++) products[i] = a[i]! * b[i]!;
  return products;
}

const LARGEST_POWER = 1000;
const POWERS = Float64Array.from({ length: 2 * LARGEST_POWER + 1 }, (_, i) => 2 ** (i - LARGEST_POWER));

/** value times 2^exponent, where both the value and the result are doubles; 2^exponent need not be one. */
export function shifted(value: number, exponent: number): number {
  if (exponent >= -LARGEST_POWER && exponent <= LARGEST_POWER)
    return value * POWERS[exponent + LARGEST_POWER]!;
  const half = max(-LARGEST_POWER, min(LARGEST_POWER, exponent >> 1));
  return value * 2 ** half * 2 ** max(-1074, min(LARGEST_POWER, exponent - half));
}

/** Sums over replicas that an estimate of the dispersion is made from. They merge exactly, in any order. */
import type { ChainReplicas } from '../backend/backend';
import { ExactSum } from './exact-sum';

const { max, min } = Math;

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

const SUM_NAMES = ['x', 'y', 'xx', 'yy', 'xy'] as const;

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
    const { thetas, exponents, weights, weightExponents, parts } = replicas;
    const { first, second } = this.scale;
    for (let i = 0; i < count; i++) {
      const theta = thetas[i]!;
      const exponent = exponents[i]!;
      const weighted = theta * weights[i]!;
      const x = shifted(weighted, exponent + weightExponents[i]! - first);
      const y = shifted(weighted * theta, 2 * exponent + weightExponents[i]! - second);
      const part = this.parts[parts[i]!]!;
      part.count++;
      part.x.add(x);
      part.y.add(y);
      part.xx.add(x * x);
      part.yy.add(y * y);
      part.xy.add(x * y);
      if (y > this.largest) this.largest = y;
    }
  }

  merge(other: Accumulator): void {
    this.parts.forEach((part, i) => {
      const from = other.parts[i]!;
      part.count += from.count;
      for (const name of SUM_NAMES) part[name].addAll(from[name]);
    });
    this.largest = max(this.largest, other.largest);
  }

  toJSON(): AccumulatorJson {
    return {
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
  }
}

/** value times 2^exponent, where both the value and the result are doubles; 2^exponent need not be one. */
export function shifted(value: number, exponent: number): number {
  if (exponent >= -1000 && exponent <= 1000) return value * 2 ** exponent;
  const half = max(-1000, min(1000, exponent >> 1));
  return value * 2 ** half * 2 ** max(-1074, min(1000, exponent - half));
}

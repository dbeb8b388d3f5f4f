/** Moments of many numbers over replicas, from exact sums: they merge, in any order, to the same bits. */
import { binaryExponent, scaleByPower } from './powers';
import { ExactSum } from './exact-sum';
import { ExactSums } from './exact-sums';

/** Of numbers beyond it no sum of squares is certain to be a double: they count as infinite. */
const LARGEST = 2 ** 500;

/** Mean and variance of one number over replicas, each times a power of two. */
export interface MeanAndVariance {
  readonly mean: number;
  /** With n - 1 in the denominator; NaN of a single replica. */
  readonly variance: number;
}

/** As it is written to a file: lists of doubles that add up to a sum exactly, one of each number. */
export interface ExactMomentsJson {
  readonly sums: readonly (readonly number[])[];
  readonly squares: readonly (readonly number[])[];
  readonly infinite: readonly (readonly [index: number, positive: number, negative: number])[];
}

/**
 * Sums of numbers and of their squares, exact ones: a square is added as its rounded value and what rounding took from it.
 * Squares below 2^-968 alone lose digits.
 */
export class ExactMoments {
  readonly #sums: ExactSums;
  readonly #squares: ExactSums;
  /** Where not all numbers are finite: how many are +Infinity and -Infinity. They are not in the sums. */
  readonly #infinite = new Map<number, [positive: number, negative: number]>();
  readonly #finite: Float64Array;
  readonly #high: Float64Array;
  readonly #low: Float64Array;

  count = 0;

  constructor(readonly length: number) {
    this.#sums = new ExactSums(length);
    this.#squares = new ExactSums(length);
    this.#finite = new Float64Array(length);
    this.#high = new Float64Array(length);
    this.#low = new Float64Array(length);
  }

  /** Adds a replica; none of its numbers is NaN. What rounding takes from a square is found as in {@link lost}. */
  add(values: Float64Array): void {
    const [finite, high, low] = [this.#finite, this.#high, this.#low];
    for (let i = 0; i < this.length; i++) {
      let value = values[i];
      if (!(Math.abs(value) <= LARGEST)) {
        this.#countInfinite(i, value > 0 ? 1 : 0, value > 0 ? 0 : 1);
        value = 0;
      }
      finite[i] = value;
      const big = value * SPLITTER;
      const upper = big - (big - value);
      const lower = value - upper;
      const square = value * value;
      high[i] = square;
      low[i] = lower * lower - (square - upper * upper - 2 * upper * lower);
    }
    this.count++;
    this.#sums.add(finite);
    this.#squares.add(high);
    this.#squares.add(low);
  }

  /** Adds what {@link json} of another one, of `count` replicas, said. */
  addSaved(count: number, { sums, squares, infinite }: ExactMomentsJson): void {
    this.count += count;
    this.#sums.addLists(sums);
    this.#squares.addLists(squares);
    for (const [i, ...counts] of infinite) this.#countInfinite(i, ...counts);
  }

  /** Of number i, the mean times 2^exponent and the variance times 2^(2 exponent). */
  moments(i: number, exponent = 0): MeanAndVariance {
    const [positive, negative] = this.#infinite.get(i) ?? [0, 0];
    if (positive + negative > 0) {
      const mean = negative === 0 ? Infinity : positive === 0 ? -Infinity : NaN;
      return { mean, variance: Infinity };
    }
    const sum = this.#sums.sum(i);
    const { value, unit } = spread(sum.parts(), this.#squares.parts(i), this.count);
    const rounded = sum.value() / this.count;
    addProduct(sum, -this.count, rounded);
    return {
      mean: scaleByPower(rounded + sum.value() / this.count, exponent),
      variance: scaleByPower(value / this.count / (this.count - 1), 2 * (unit + exponent)),
    };
  }

  /** The text of {@link ExactMomentsJson}, in pieces. */
  *json(): Iterable<string> {
    yield '{"sums":';
    yield* listsOf(this.#sums);
    yield ',"squares":';
    yield* listsOf(this.#squares);
    const infinite = [...this.#infinite].sort(([a], [b]) => a - b);
    yield `,"infinite":${JSON.stringify(infinite.map(([i, counts]) => [i, ...counts]))}}`;
  }

  #countInfinite(i: number, positive: number, negative: number): void {
    const [p, n] = this.#infinite.get(i) ?? [0, 0];
    this.#infinite.set(i, [p + positive, n + negative]);
  }
}

/** Lists that make one piece of text. */
const PIECE = 1024;

function* listsOf(sums: ExactSums): Iterable<string> {
  for (let from = 0; from < sums.length; from += PIECE) {
    const lists = [];
    for (let i = from; i < Math.min(sums.length, from + PIECE); i++) lists.push(sums.parts(i));
    yield (from === 0 ? '[' : ',') + JSON.stringify(lists).slice(1, -1);
  }
  yield ']';
}

/**
 * n sum x^2 - (sum x)^2 = n (n - 1) times the variance, as value times 2^(2 unit). The sums are lists of doubles; so are the
 * products, exactly, and only their total is rounded: what cancels takes no digits along.
 */
function spread(
  sum: readonly number[],
  squares: readonly number[],
  count: number,
): { readonly value: number; readonly unit: number } {
  // Near the larger of the sum, which may cancel, and the root of the squares, so that no product is out of range.
  const unit = binaryExponent(Math.max(Math.abs(sum.at(-1) ?? 0), Math.sqrt(Math.abs(squares.at(-1) ?? 0))));
  const x = sum.map((part) => scaleByPower(part, -unit));
  const xx = squares.map((part) => scaleByPower(part, -2 * unit));
  const total = new ExactSum();
  for (const part of xx) addProduct(total, count, part);
  x.forEach((a, i) => {
    addProduct(total, -a, a);
    for (const b of x.slice(0, i)) addProduct(total, -2 * a, b);
  });
  // Below 0 only where squares lost digits.
  return { value: Math.max(0, total.value()), unit };
}

function addProduct(total: ExactSum, a: number, b: number): void {
  const product = a * b;
  total.addNumber(product);
  total.addNumber(lost(a, b, product));
}

const SPLITTER = 2 ** 27 + 1;

/** a b - product, which is a double where `product` is a b rounded (Dekker, Numer. Math. 18 (1971)). */
function lost(a: number, b: number, product: number): number {
  const bigA = a * SPLITTER;
  const bigB = b * SPLITTER;
  const highA = bigA - (bigA - a);
  const highB = bigB - (bigB - b);
  const lowA = a - highA;
  const lowB = b - highB;
  return lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
}

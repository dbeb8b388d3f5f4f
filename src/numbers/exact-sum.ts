const { abs, min } = Math;

// x + CUT - CUT is x rounded to a multiple of 2^-20, 2^-50, 2^-80, 2^-110: of what is left, the upper 30 bits.
const CUT_1 = 1.5 * 2 ** 32;
const CUT_2 = 1.5 * 2 ** 2;
const CUT_3 = 1.5 * 2 ** -28;
const CUT_4 = 1.5 * 2 ** -58;
/** So many slices of numbers no larger than this sum to at most 2^32, 52 bits above the lowest one. */
const LARGEST_SLICED = 2 ** 16;
const MOST_SLICED = 2 ** 16;

/**
 * A sum of doubles without rounding: as a list of doubles that do not overlap. What it comes to, rounded once, is a
 * function of the set of summands alone, not of their order, nor of how they were gathered into parts.
 *
 * Source: J. R. Shewchuk, "Adaptive precision floating-point arithmetic", Discrete Comput. Geom. 18 (1997); the same as
 * Python's math.fsum.
 */
export class ExactSum {
  readonly #parts: number[];

  /** @param parts doubles that do not overlap, the smallest first: what {@link parts} of another sum returned */
  constructor(parts: readonly number[] = []) {
    this.#parts = [...parts];
  }

  /** Adds the first `count` numbers; they are finite. */
  add(values: Float64Array, count = values.length): void {
    // A number is cut into slices of 30 bits, at the same places for all numbers: sums of slices need no rounding.
    for (let from = 0; from < count; from += MOST_SLICED)
      this.#addSlices(values, from, min(count, from + MOST_SLICED));
  }

  #addSlices(values: Float64Array, from: number, to: number): void {
    let [sum1, sum2, sum3, sum4] = [0, 0, 0, 0];
    for (let i = from; i < to; i++) {
      const value = values[i];
      const slice1 = value + CUT_1 - CUT_1;
      const rest1 = value - slice1;
      const slice2 = rest1 + CUT_2 - CUT_2;
      const rest2 = rest1 - slice2;
      const slice3 = rest2 + CUT_3 - CUT_3;
      const rest3 = rest2 - slice3;
      const slice4 = rest3 + CUT_4 - CUT_4;
      if (abs(value) <= LARGEST_SLICED && rest3 === slice4) {
        sum1 += slice1;
        sum2 += slice2;
        sum3 += slice3;
        sum4 += slice4;
      } else {
        this.#grow(value);
      }
    }
    for (const sum of [sum1, sum2, sum3, sum4]) this.#grow(sum);
  }

  /** Shewchuk's growing of an expansion. */
  #grow(value: number): void {
    const parts = this.#parts;
    let kept = 0;
    let high = value;
    for (let i = 0; i < parts.length; i++) {
      let large = high;
      let small = parts[i];
      if (abs(large) < abs(small)) [large, small] = [small, large];
      high = large + small;
      const low = small - (high - large);
      if (low !== 0) parts[kept++] = low;
    }
    parts.length = kept;
    parts.push(high);
  }

  addNumber(value: number): void {
    this.#grow(value);
  }

  addAll(other: ExactSum): void {
    for (const part of other.#parts) this.#grow(part);
  }

  /** The sum, correctly rounded. */
  value(): number {
    const parts = this.#parts;
    let i = parts.length - 1;
    if (i < 0) return 0;
    let high = parts[i];
    let low = 0;
    while (i > 0 && low === 0) {
      const next = parts[--i];
      const sum = high + next;
      low = next - (sum - high);
      high = sum;
    }
    // Half-way cases: the parts further down decide.
    if (i > 0 && low !== 0 && low < 0 === parts[i - 1] < 0) {
      const twice = 2 * low;
      const up = high + twice;
      if (up - high === twice) high = up;
    }
    return high;
  }

  /** The sum as a list of doubles, the smallest first: the same list for the same sum, however it was gathered. */
  parts(): number[] {
    const rest = new ExactSum(this.#parts);
    const parts: number[] = [];
    for (let part = rest.value(); part !== 0 && Number.isFinite(part); part = rest.value()) {
      parts.push(part);
      rest.#grow(-part);
    }
    return parts.reverse();
  }
}

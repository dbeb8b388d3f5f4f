const { abs } = Math;

/**
 * A sum of doubles without rounding: as a list of doubles that do not overlap. What it comes to, rounded once, is a
 * function of the set of summands alone, not of their order, nor of how they were gathered into parts.
 *
 * Source: J. R. Shewchuk, "Adaptive precision floating-point arithmetic", Discrete Comput. Geom. 18 (1997); the same as
 * Python's math.fsum.
 */
export class ExactSum {
  readonly #parts: number[];

  /** @param parts what {@link parts} of another sum returned */
  constructor(parts: readonly number[] = []) {
    this.#parts = [...parts];
  }

  /** Adds a finite number. */
  add(value: number): void {
    const parts = this.#parts;
    let kept = 0;
    let high = value;
    for (let i = 0; i < parts.length; i++) {
      let large = high;
      let small = parts[i]!;
      if (abs(large) < abs(small)) [large, small] = [small, large];
      high = large + small;
      const low = small - (high - large);
      if (low !== 0) parts[kept++] = low;
    }
    parts.length = kept;
    parts.push(high);
  }

  addAll(other: ExactSum): void {
    for (const part of other.#parts) this.add(part);
  }

  /** The sum, correctly rounded. */
  value(): number {
    const parts = this.#parts;
    let i = parts.length - 1;
    if (i < 0) return 0;
    let high = parts[i]!;
    let low = 0;
    while (i > 0 && low === 0) {
      const next = parts[--i]!;
      const sum = high + next;
      low = next - (sum - high);
      high = sum;
    }
    // Half-way cases: the parts further down decide.
    if (i > 0 && low !== 0 && low < 0 === parts[i - 1]! < 0) {
      const twice = 2 * low;
      const up = high + twice;
      if (up - high === twice) high = up;
    }
    return high;
  }

  parts(): number[] {
    return [...this.#parts];
  }
}

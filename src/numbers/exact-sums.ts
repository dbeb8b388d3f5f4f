import { ExactSum } from './exact-sum';

const { abs } = Math;

/** x + cut(p) - cut(p) is x rounded to a multiple of 2^p. */
const cut = (place: number): number => 1.5 * 2 ** (52 + place);
const CUT_0 = cut(20);
const CUT_1 = cut(-15);
const CUT_2 = cut(-56);
const CUT_3 = cut(-97);
const CUT_4 = cut(-128);

/** Of a number: what is above 2^20 (of sums alone), and what is between the other cuts. */
const LIMBS = 5;
const LARGEST = 2 ** 26;
/** So large sums are multiples of 2^20 at most 2^23 of which add up without rounding, above the first cut. */
const LARGEST_SUM = 2 ** 50;
/** Numbers that may be added before limbs are carried over: each then takes no more than the 53 bits above its cut. */
const MOST_ADDS = 2 ** 11;

/**
 * Many sums of doubles without rounding, each as good as an {@link ExactSum}. Numbers of magnitudes from 2^-75 to 2^26, and
 * all others without bits below 2^-128, are cut at fixed places into limbs, whose sums need no rounding: a few operations a
 * number, 40 bytes a sum. Numbers that do not fit go to an ExactSum of their place.
 */
export class ExactSums {
  readonly #limbs: Float64Array;
  readonly #far = new Map<number, ExactSum>();
  #adds = 0;

  constructor(readonly length: number) {
    this.#limbs = new Float64Array(LIMBS * length);
  }

  /** Adds one finite number to each sum. */
  add(values: Float64Array): void {
    const limbs = this.#limbs;
    for (let i = 0, at = 0; i < this.length; i++, at += LIMBS) {
      const value = values[i];
      const slice1 = value + CUT_1 - CUT_1;
      const rest1 = value - slice1;
      const slice2 = rest1 + CUT_2 - CUT_2;
      const rest2 = rest1 - slice2;
      const slice3 = rest2 + CUT_3 - CUT_3;
      const slice4 = rest2 - slice3;
      if (abs(value) <= LARGEST && slice4 + CUT_4 - CUT_4 === slice4) {
        limbs[at + 1] += slice1;
        limbs[at + 2] += slice2;
        limbs[at + 3] += slice3;
        limbs[at + 4] += slice4;
      } else {
        this.#sumOf(i).addNumber(value);
      }
    }
    if (++this.#adds === MOST_ADDS) this.#carry();
  }

  /** Adds to every sum what {@link parts} of another one returned of it. */
  addLists(lists: readonly (readonly number[])[]): void {
    this.#carry();
    lists.forEach((parts, i) => {
      parts.forEach((part, p) => {
        // No list of ours is so long, but one in a file may be.
        if (p >= MOST_ADDS || !this.#addSliced(i * LIMBS, part)) this.#sumOf(i).addNumber(part);
      });
    });
    this.#adds = MOST_ADDS;
    this.#carry();
  }

  /** Adds a number that may itself be a sum, if it fits. */
  #addSliced(at: number, value: number): boolean {
    const slice0 = value + CUT_0 - CUT_0;
    const rest0 = value - slice0;
    const slice1 = rest0 + CUT_1 - CUT_1;
    const rest1 = rest0 - slice1;
    const slice2 = rest1 + CUT_2 - CUT_2;
    const rest2 = rest1 - slice2;
    const slice3 = rest2 + CUT_3 - CUT_3;
    const slice4 = rest2 - slice3;
    if (!(abs(value) <= LARGEST_SUM && slice4 + CUT_4 - CUT_4 === slice4)) return false;
    const limbs = this.#limbs;
    limbs[at] += slice0;
    limbs[at + 1] += slice1;
    limbs[at + 2] += slice2;
    limbs[at + 3] += slice3;
    limbs[at + 4] += slice4;
    return true;
  }

  /** Sum i as a list of doubles, the smallest first, that add up to it exactly; as {@link ExactSum.parts}. */
  parts(i: number): number[] {
    return this.sum(i).parts();
  }

  sum(i: number): ExactSum {
    this.#carry();
    const parts: number[] = [];
    for (let at = LIMBS * (i + 1) - 1; at >= LIMBS * i; at--) {
      if (this.#limbs[at] !== 0) parts.push(this.#limbs[at]);
    }
    const sum = new ExactSum(parts);
    const far = this.#far.get(i);
    if (far !== undefined) sum.addAll(far);
    return sum;
  }

  #sumOf(i: number): ExactSum {
    let sum = this.#far.get(i);
    if (sum === undefined) {
      sum = new ExactSum();
      this.#far.set(i, sum);
    }
    return sum;
  }

  /** Leaves in each limb what is below the cut of the one above: they do not overlap then. */
  #carry(): void {
    if (this.#adds === 0) return;
    const limbs = this.#limbs;
    for (let at = 0; at < limbs.length; at += LIMBS) {
      this.#carryOver(at + 4, CUT_3);
      this.#carryOver(at + 3, CUT_2);
      this.#carryOver(at + 2, CUT_1);
      this.#carryOver(at + 1, CUT_0);
    }
    this.#adds = 0;
  }

  #carryOver(at: number, cutAbove: number): void {
    const limbs = this.#limbs;
    const carried = limbs[at] + cutAbove - cutAbove;
    limbs[at] -= carried;
    limbs[at - 1] += carried;
  }
}

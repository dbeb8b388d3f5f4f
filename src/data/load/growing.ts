/** Collects numbers one by one, without a known count. */
import { allocated } from '../../errors';
import { expectFits } from '../../memory';

export class GrowingNumbers {
  #data: Float64Array<ArrayBuffer>;
  length = 0;

  /**
   * @param expected the count, if it is known; then nothing is copied
   * @param name the name of the file in errors
   */
  constructor(
    expected: number,
    private readonly name: string,
  ) {
    this.#data = this.allocate(Math.max(expected, 16));
  }

  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = this.allocate(2 * this.length);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.length++] = value;
  }

  at(index: number): number {
    return this.#data[index]!;
  }

  /** The numbers, in an array of exactly their count. */
  take(): Float64Array<ArrayBuffer> {
    return this.length === this.#data.length ? this.#data : this.#data.slice(0, this.length);
  }

  private allocate(count: number): Float64Array<ArrayBuffer> {
    expectFits(`cannot read ${this.name}`, 8 * count, `its ${count} numbers`);
    return allocated(`the ${count} numbers of ${this.name}`, () => new Float64Array(count));
  }
}

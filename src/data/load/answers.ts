/** A column of answers that may be classes or numbers. */
import { allocated } from '../../errors';
import { invalidFile } from '../files';
import { GrowingNumbers } from './growing';
import { MOST_CLASSES } from './options';

/** An answer as it is written in the file, with its first place. */
export interface DistinctAnswer {
  readonly text: string;
  /** NaN for a name. */
  readonly value: number;
  readonly place: string;
}

export interface Answers {
  /** The name of the file, or of its column, in messages. */
  readonly name: string;
  /** One number per row; NaN for a name. */
  readonly values: Float64Array;
  /** The distinct answers; null if there are more than {@link MOST_CLASSES}. `codes` has the index of each row's answer. */
  readonly distinct: readonly DistinctAnswer[] | null;
  readonly codes: Float64Array;
  /** The first name and the first fraction among the answers. */
  readonly firstName: DistinctAnswer | null;
  readonly firstFraction: DistinctAnswer | null;
}

export class AnswerReader {
  readonly #values: GrowingNumbers;
  readonly #codes: GrowingNumbers;
  readonly #known = new Map<string, number>();
  #distinct: DistinctAnswer[] | null = [];
  #firstName: DistinctAnswer | null = null;
  #firstFraction: DistinctAnswer | null = null;

  constructor(
    private readonly name: string,
    expected: number,
  ) {
    this.#values = new GrowingNumbers(expected, name);
    this.#codes = new GrowingNumbers(expected, name);
  }

  /**
   * @param value the number that the text is; NaN for a name
   * @throws DeepntkError `ERR_INVALID_FILE` for an empty answer, and for one that is missing or infinite
   */
  add(text: string, value: number, placeOf: () => string): void {
    if (text === '') throw invalidFile(placeOf(), 'a class or a number', 'an empty cell');
    if (/^[+-]?(nan|inf(inity)?)$/i.test(text) || Math.abs(value) === Infinity)
      throw invalidFile(placeOf(), 'a class or a finite number', text);
    this.#values.push(value);
    if (this.#distinct === null) return;
    const known = this.#known.get(text);
    this.#codes.push(known ?? this.#distinct.length);
    if (known !== undefined) return;
    const answer = { text, value, place: placeOf() };
    this.#known.set(text, this.#distinct.length);
    this.#distinct.push(answer);
    if (Number.isNaN(value)) this.#firstName ??= answer;
    else if (!Number.isInteger(value)) this.#firstFraction ??= answer;
    if (this.#distinct.length > MOST_CLASSES && this.#firstName === null) {
      this.#distinct = null;
      this.#known.clear();
    } else if (this.#distinct.length > MOST_CLASSES) {
      throw invalidFile(placeOf(), `at most ${MOST_CLASSES} classes`, `another one, ${JSON.stringify(text)}`);
    }
  }

  finish(): Answers {
    return {
      name: this.name,
      values: this.#values.take(),
      distinct: this.#distinct,
      codes: this.#codes.take(),
      firstName: this.#firstName,
      firstFraction: this.#firstFraction,
    };
  }
}

/** The entries of an array as answers, one per row. */
export function answersOfArray(data: ArrayLike<number>, name: string): Answers {
  const reader = new AnswerReader(name, data.length);
  for (let row = 0; row < data.length; row++) {
    const value = data[row]!;
    reader.add(String(value), value, () => `${name}: row ${row}`);
  }
  return allocated(`the answers of ${name}`, () => reader.finish());
}

/** What loading gives, in the whole and in parts. */
import type { NdArray, ResultArray } from '../../ndarray';

/** Inputs with what is known about them. */
export interface LoadedData {
  /** The file. */
  readonly name: string;
  /** Inputs, N x n_0: a row each. Float64, or Float32 if the file has float32 or smaller. */
  readonly x: ResultArray<Float64Array | Float32Array>;
  /** Names of the n_0 features; null for arrays and for tables without a header. */
  readonly columns: readonly string[] | null;
  /** The class of each row, a number from 0 to K - 1; null for data without classes. */
  readonly labels: readonly number[] | null;
  /** Names of the K classes, in the order of their numbers; null for data without classes. */
  readonly classes: readonly string[] | null;
  /** What a net is to answer, N x K: one-hot rows of the classes, or target numbers; null for inputs alone. */
  readonly y: ResultArray | null;
  /** The column that the classes come from; null for another source. */
  readonly labelColumn: string | null;
  /** Names of the K target numbers; null if they have none. */
  readonly targetColumns: readonly string[] | null;
  /** What was understood, in one line: "tr.csv: 60 rows, 3 features (a, b, c); labels: 3 classes (cat, dog, owl)". */
  readonly summary: string;
  /** What was reinterpreted or reordered, a line each; often empty. */
  readonly notes: readonly string[];
}

/** The inputs, before anything is said of answers. */
export interface Inputs extends Pick<LoadedData, 'name' | 'x' | 'columns' | 'labelColumn' | 'notes'> {
  /** Extents of an input that was flattened. */
  readonly extents: readonly number[] | null;
}

/** Classes, or targets, or neither. */
export interface FoundAnswers extends Pick<LoadedData, 'labels' | 'classes' | 'targetColumns'> {
  readonly targets: NdArray<Float64Array> | null;
  /** The file that they come from, if it is not that of the inputs. */
  readonly source: string | null;
  /** Whether class k is written k. */
  readonly plain: boolean;
  readonly notes: readonly string[];
}

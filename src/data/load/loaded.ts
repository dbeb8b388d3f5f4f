/** Types of loaded data and of their parts. */
import type { NdArray, ResultArray } from '../../ndarray';

/** Inputs, with classes or targets if there are any. */
export interface LoadedData {
  /** The file. */
  readonly name: string;
  /** Inputs, N x n_0, one row per input. Float64, or Float32 if the file has float32 or smaller. */
  readonly x: ResultArray<Float64Array | Float32Array>;
  /** Names of the n_0 features; null for arrays and for tables without a header. */
  readonly columns: readonly string[] | null;
  /** The class of each row, a number from 0 to K - 1; null for data without classes. */
  readonly labels: readonly number[] | null;
  /** Names of the K classes, in the order of their numbers; null for data without classes. */
  readonly classes: readonly string[] | null;
  /** The desired outputs, N x K: one-hot rows of the classes, or target numbers; null without either. */
  readonly y: ResultArray | null;
  /** The column that the classes come from; null for another source. */
  readonly labelColumn: string | null;
  /** Names of the K target numbers; null if they have none. */
  readonly targetColumns: readonly string[] | null;
  /** How the data were understood, in one line: "tr.csv: 60 rows, 3 features (a, b, c); labels: 3 classes (cat, dog, owl)". */
  readonly summary: string;
  /** What was reinterpreted or reordered, one line each; often empty. */
  readonly notes: readonly string[];
}

/** The inputs, without classes or targets. */
export interface Inputs extends Pick<LoadedData, 'name' | 'x' | 'columns' | 'labelColumn' | 'notes'> {
  /** Extents of an input that was flattened. */
  readonly extents: readonly number[] | null;
  /** Whether the first line of the table had names; null for an array. */
  readonly header: boolean | null;
}

/** Classes, or targets, or neither. */
export interface FoundAnswers extends Pick<LoadedData, 'labels' | 'classes' | 'targetColumns'> {
  readonly targets: NdArray<Float64Array> | null;
  /** Their file, if it is not that of the inputs. */
  readonly source: string | null;
  /** Whether the first line of that file had names; null for an array, and without such a file. */
  readonly header: boolean | null;
  /** Whether the name of class k is the number k. */
  readonly plain: boolean;
  readonly notes: readonly string[];
}

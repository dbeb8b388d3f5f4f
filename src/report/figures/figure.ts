/** What a figure is: parameters, a table of numbers computed from them, and a picture drawn from the table alone. */
import type { BackendName } from '../../backend/seam';
import type { ParameterRules, FigureParameters } from './parameters';

/** Empty cells are null. */
export type FigureCell = number | string | null;
/** A row of a figure's table: its columns by name. */
export type FigureRow = Readonly<Record<string, FigureCell>>;

/** `optional` columns have numbers or nothing; the others no empty cells. */
export type ColumnKind = 'number' | 'optional' | 'text';

/** The numbers of a figure, and what they were computed with. */
export interface FigureTable {
  /** The name of the figure. */
  readonly figure: string;
  /** The value of each of its parameters. */
  readonly parameters: FigureParameters;
  readonly rows: readonly FigureRow[];
  readonly provenance: FigureProvenance;
}

/** What computed a table; backend and core are null where nothing ran on a backend. */
export interface FigureProvenance {
  readonly version: string;
  readonly backend: BackendName | null;
  readonly core: string | null;
}

/** What computing a table is given besides its parameters. */
export interface FigureRun {
  readonly signal: AbortSignal | undefined;
  /** To be called with the finished share of the work. */
  readonly report: (fraction: number) => void;
  /** Options for the heavy calls. */
  readonly compute: {
    readonly threads?: number;
    readonly backend?: BackendName;
    readonly signal?: AbortSignal;
  };
}

export interface Figure<P, R extends ParameterRules = ParameterRules> {
  readonly name: string;
  /** What it shows, in a line. */
  readonly summary: string;
  readonly parameters: R;
  readonly columns: Readonly<Record<string, ColumnKind>>;
  /** Whether the work runs on a backend, whose threads can be bounded. */
  readonly onBackend: boolean;
  /** The rows; `parameters` have been read. */
  compute(parameters: P, run: FigureRun): Promise<FigureRow[]>;
  /**
   * The picture: a Vega-Lite specification (its type is not named here, so that users' compilers need not read Vega's).
   * `rows` have been checked against `columns`.
   */
  specify(rows: readonly FigureRow[], parameters: P): object;
  /** Two or three numbers that the figure is about, for the command's summary. */
  conclude?(rows: readonly FigureRow[], parameters: P): Readonly<Record<string, number | string | null>>;
}

/** The number in a column that has no empty cells. */
export function numberAt(row: FigureRow, column: string): number {
  return row[column] as number;
}

export function fuzz(options: {
  readonly seeds: readonly Buffer[];
  readonly words: readonly string[];
  readonly check: (input: Buffer) => void | Promise<void>;
  readonly files: RegExp;
  readonly seed: number;
  readonly milliseconds: number;
  readonly runs?: number;
}): Promise<{ runs: number; corpus: number; places: number }>;

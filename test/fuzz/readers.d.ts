export const FILES: RegExp;
export const READERS: Record<
  string,
  { read: (bytes: Buffer) => unknown; readonly seeds: () => Buffer[]; readonly words: readonly string[] }
>;
export function check(name: string, input: Buffer): void;
export function findings(name: string): Buffer[];

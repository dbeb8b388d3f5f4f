export const FILES: RegExp;
export const READERS: Record<
  string,
  { read: (bytes: Buffer) => unknown; readonly seeds: () => Buffer[]; readonly words: readonly string[] }
>;
export function check(name: string, input: Buffer): Promise<void>;
export function findings(name: string): Buffer[];

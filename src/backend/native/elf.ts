import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 64;

/**
 * Whether a file is a 64-bit little-endian ELF binary without the end of its section table, the last part of such a file.
 * An interrupted copy or build leaves such a file. Loading it may end the process by a signal, which cannot be caught.
 *
 * Source: System V ABI, chapter 4, "ELF header".
 */
export function isTruncatedElf(file: string): boolean {
  const descriptor = openSync(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(descriptor, header, 0, HEADER_BYTES, 0);
    if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false;
    if (length < HEADER_BYTES) return true;
    const [tableBegin, entryBytes, entries] = [
      Number(header.readBigUInt64LE(40)),
      header.readUInt16LE(58),
      header.readUInt16LE(60),
    ];
    return tableBegin + entryBytes * entries > fstatSync(descriptor).size;
  } finally {
    closeSync(descriptor);
  }
}

import { freemem, totalmem } from 'node:os';
import { DeepntkError } from './errors';

/**
 * Refuses a computation whose arrays would not fit, before any of them is allocated.
 *
 * @param bytes what the arrays take together
 * @param what names them in the error, e.g. "the parameters of the net"
 */
export function expectFits(where: string, bytes: number, what: string): void {
  const available = availableMemory();
  if (bytes > available) {
    throw new DeepntkError(
      'ERR_OUT_OF_MEMORY',
      `${where}: ${what} would take ${formatBytes(bytes)}, but ${formatBytes(available)} of memory are available`,
    );
  }
}

/**
 * Memory that can be had now: the machine's, or what the process's own limit (a container's) leaves. macOS counts as free
 * only what nothing has used since the machine started, and not the caches that it would give up: there it is all.
 */
export function availableMemory(): number {
  const limit = constrainedMemory();
  const left = limit > 0 ? limit - process.memoryUsage.rss() : Infinity;
  const ofMachine = process.platform === 'darwin' ? totalmem() : freemem();
  return Math.max(0, Math.min(ofMachine, left));
}

/** 0 if there is no limit, or if the process is not allowed to read it (Node's permission model, Deno without --allow-sys). */
function constrainedMemory(): number {
  try {
    return process.constrainedMemory();
  } catch {
    return 0;
  }
}

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let power = 0;
  while (bytes >= 1024 ** (power + 1) && power < units.length - 1) power++;
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toPrecision(3)} ${units[power] ?? ''}`;
}

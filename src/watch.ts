/** What every heavy call takes so that its caller can follow it and end it. */
import { invalidArgument } from './errors';

/** A signal that ends a computation, and a function that hears of its progress. */
export interface WatchOptions {
  /** Ends the computation within about 100 ms; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called on the event loop, at most about 30 times a second. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far a computation is. */
export interface Progress {
  /** The finished share of the work, 0 to 1. */
  readonly fraction: number;
  readonly elapsedSeconds: number;
  /** An estimate from the speed so far; null before anything is finished. */
  readonly remainingSeconds: number | null;
}

/** What computes is given: a signal that is one, and a function that takes the finished share of the work. */
export interface Watch {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((fraction: number) => void) | undefined;
}

export function readWatch(where: string, { signal, onProgress }: WatchOptions): Watch {
  if (signal !== undefined && !isAbortSignal(signal))
    throw invalidArgument(`${where}: signal`, 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalidArgument(`${where}: onProgress`, 'a function', onProgress);
  }
  return { signal, onProgress: onProgress && progressReporter(onProgress) };
}

function isAbortSignal(value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value;
}

function progressReporter(onProgress: (progress: Progress) => void): (fraction: number) => void {
  const start = performance.now();
  return (fraction) => {
    const elapsedSeconds = (performance.now() - start) / 1000;
    const remainingSeconds = fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null;
    onProgress({ fraction, elapsedSeconds, remainingSeconds });
  };
}

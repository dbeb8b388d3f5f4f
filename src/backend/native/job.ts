import { DeepntkError } from '../../errors';
import { onAbort } from '../abort';
import type { RunOptions } from '../seam';
import { type Cancel, type Listener, STATUS } from './addon';

/**
 * Runs one computation of the addon. The promise settles when the computation has ended and no longer uses any array.
 *
 * Rejects with the signal's reason after an abort, with the error that `onProgress` threw, or with a DeepntkError that has
 * the caller's stack.
 *
 * @param caller the stack of an error begins with the caller of this function
 */
export function runJob<T>(
  start: (listener: Listener) => Cancel,
  result: T,
  { signal, onProgress }: Omit<RunOptions, 'threads'>,
  caller: (...args: never[]) => unknown,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  const origin: { stack?: string } = {};
  Error.captureStackTrace(origin, caller);

  return new Promise<T>((resolve, reject) => {
    let thrown: { readonly error: Error } | null = null;
    const report = (fraction: number): void => {
      if (thrown !== null || signal?.aborted) return;
      try {
        onProgress?.(fraction);
      } catch (error) {
        thrown = { error: error as Error }; // any value: it is passed on unchanged
        cancel();
      }
    };
    const listener: Listener = (status, detail) => {
      if (status === STATUS.progress) {
        report(detail as number);
        return;
      }
      stopListening();
      if (status === STATUS.done) report(1);
      if (thrown !== null) reject(thrown.error);
      else if (status === STATUS.done) resolve(result);
      else if (status === STATUS.cancelled) reject(signal?.reason as Error);
      else reject(failure(status, detail, origin.stack));
    };
    const cancel = start(listener);
    const stopListening = onAbort(signal, cancel);
  });
}

function failure(status: number, detail: unknown, stack: string | undefined): DeepntkError {
  const error =
    status === STATUS.outOfMemory
      ? new DeepntkError('ERR_OUT_OF_MEMORY', 'the addon could not allocate the memory it needs')
      : new DeepntkError('ERR_COMPUTATION', `the addon failed: ${String(detail)}`);
  const frames = stack?.split('\n').slice(1).join('\n') ?? '';
  error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}

/** Ctrl-C ends work cleanly: it aborts the computation, and the command ends with the shell's status for it. */

/** The shell's status of a command that SIGINT (signal 2) ended. */
export const INTERRUPTED_STATUS = 130;

export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/**
 * Runs work whose signal aborts at the first Ctrl-C; a second one ends the process at once. Ctrl-C has its usual effect again
 * when the work ends, also if it fails.
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED_STATUS);
    controller.abort(new InterruptedError('interrupted'));
  };
  process.on('SIGINT', onInterrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** A progress bar on stderr, where stderr is a terminal. */
import { SingleBar } from 'cli-progress';

import type { Progress } from '../kernel/arguments';

export interface ProgressBar {
  /** `note` stands behind the time that is left. */
  readonly onProgress: (progress: Progress, note?: string) => void;
  /** Takes the bar away; to be called however the work ends. */
  readonly stop: () => void;
}

/** Work that ends sooner than this has no bar. */
const SHOW_AFTER_SECONDS = 0.5;

/** Undefined where nobody would see it. */
export function progressBar(what: string): ProgressBar | undefined {
  if (!process.stderr.isTTY) return undefined;
  const bar = new SingleBar({
    format: `${what} [{bar}] {percentage} % | {left} {note}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
  });
  let shown = false;
  return {
    onProgress: ({ fraction, elapsedSeconds, remainingSeconds }, note = '') => {
      if (!shown && elapsedSeconds < SHOW_AFTER_SECONDS) return;
      const left = remainingSeconds === null ? '' : `${Math.ceil(remainingSeconds)} s left`;
      if (!shown) bar.start(100, 0, { left, note });
      shown = true;
      bar.update(Math.round(100 * fraction), { left, note });
    },
    stop: () => {
      if (shown) bar.stop();
    },
  };
}

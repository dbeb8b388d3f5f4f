/** A run over replicas that is kept in a file while it goes on. */
import { existsSync } from 'node:fs';

import { invalidFile } from '../data/files';
import { type Range, rangesInWords } from '../runs/ranges';
import { addStoredSums, expectSameSettings, readRun, type RunKind, type RunSums, writeRun } from './run-file';

const WRITE_EVERY_MS = 1000;
/** Writing takes no larger share of the time than this. */
const LARGEST_SHARE = 0.05;

export interface CheckpointWriter<Sums> {
  /** Writes the state if `now`, or if the last time is a while ago; `sums` must not change meanwhile. */
  write(sums: Sums, now: boolean): Promise<void>;
}

/**
 * Prepares a run to be kept in a file. Where the file exists, its sums are taken over into `sums`.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where it is damaged, or of a run with other settings, or of more replicas
 */
export async function openCheckpoint<Settings, Sums extends RunSums>(
  kind: RunKind<Settings, Sums>,
  path: string,
  { settings, firstReplica, goal }: { settings: Settings; firstReplica: number; goal: number },
  sums: Sums,
): Promise<CheckpointWriter<Sums>> {
  if (existsSync(path)) {
    const saved = await readRun(kind, path);
    expectSameSettings(kind, path, saved.settings, settings);
    const [range, ...others] = saved.ranges;
    if (range === undefined || range[0] !== firstReplica || others.length > 0 || range[1] - range[0] > goal) {
      const wanted = `a run of at most ${goal} replicas from number ${firstReplica}`;
      throw invalidFile(path, wanted, `replicas ${rangesInWords(saved.ranges)}`);
    }
    await addStoredSums(kind, sums, saved);
  }
  let written = sums.count;
  let due = performance.now() + WRITE_EVERY_MS;
  return {
    async write(current, now) {
      const start = performance.now();
      if (current.count === written || (!now && start < due)) return;
      const ranges: Range[] = [[firstReplica, firstReplica + current.count]];
      await writeRun(kind, path, settings, ranges, current);
      written = current.count;
      const end = performance.now();
      due = Math.max(start + WRITE_EVERY_MS, end + (end - start) / LARGEST_SHARE);
    },
  };
}

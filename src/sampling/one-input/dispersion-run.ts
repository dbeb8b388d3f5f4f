/** The run over replicas of one input, without Node: browsers run it too. */
import type { ChainReplicas, RunOptions } from '../../backend/seam';
import type { Provenance } from '../../kernel/arguments';
import type { Drawing } from '../../runs/ahead';
import { runJob, type Sink, type Source } from '../../runs/job';
import type { Range } from '../../runs/ranges';
import { Accumulator } from './accumulator';
import type { ReplicaSource } from './chain-source';
import type { DispersionJob } from './dispersion-options';
import { type DispersionEstimate, type EstimateContext, makeEstimate, scaleOf } from './estimate';

/** Replicas, or the sums over them that a worker of a queue has made. */
export type ReplicaBatch = ChainReplicas | Accumulator;

/** How the job runs: the source of replicas, and the uses of them besides the estimate. */
export interface DispersionRun {
  readonly source: Source<Range, ReplicaBatch>;
  /** The largest number of replicas in a range. */
  readonly chunk: number;
  /** The shares of the parts of the mixture. */
  readonly shares: ReplicaSource['shares'];
  readonly provenance: Provenance;
  /** Opens the file that keeps the sums, and adds the sums that it has. */
  readonly openFile?: (sums: Accumulator) => Promise<KeptSums>;
  /** Sees all replicas, in their order, before the estimate that contains them. */
  readonly observe?: (replicas: ChainReplicas, count: number) => void;
}

/** The file of some sums. */
export interface KeptSums {
  /** Writes the sums if `now`, or if the last time is a while ago. */
  write(now: boolean): Promise<void>;
  close(): Promise<void>;
}

/** The source that draws replicas here. */
export function drawReplicas(
  { firstReplica, goal }: DispersionJob,
  { chunk, shares, sample }: ReplicaSource,
  drawing: Drawing,
  { threads, signal, onProgress }: RunOptions,
): Pick<DispersionRun, 'source' | 'chunk' | 'shares'> {
  const draw = ([from, to]: Range, ofRange: AbortSignal | undefined): Promise<ChainReplicas> =>
    sample(from, to - from, {
      threads,
      signal: ofRange,
      onProgress:
        onProgress &&
        ((share) => {
          onProgress((from - firstReplica + share * (to - from)) / goal);
        }),
    });
  return { source: (ranges) => drawing(ranges, draw, signal), chunk, shares };
}

/** An error goal is checked after this number of replicas, and then whenever there are a quarter more, never in between. */
const FIRST_LOOK = 1000;
const NEXT_LOOK = 1.25;

/** Yields the running estimate. The last one is the result. */
export async function* runDispersion(
  job: DispersionJob,
  run: DispersionRun,
): AsyncGenerator<DispersionEstimate, void, void> {
  const { settings, samplerReason, exact, firstReplica, goal, relativeError } = job;
  const { source, chunk, shares, provenance, openFile, observe } = run;
  const sums = new Accumulator(scaleOf(exact));
  const context = { ...settings, firstReplica, samplerReason, exact, relativeError, provenance, shares };
  const file = await openFile?.(sums);
  const enough = (): boolean => sums.count === goal || (isLook(sums.count) && reached(sums, context));
  const sink: Sink<Range, ReplicaBatch> = {
    missing: () => (enough() ? [] : rangesOf(firstReplica, sums.count, goal, chunk, relativeError !== null)),
    async add([from, to], batch) {
      if (batch instanceof Accumulator) sums.merge(batch);
      else {
        sums.add(batch, to - from);
        observe?.(batch, to - from);
      }
      await file?.write(enough());
    },
    enough,
  };
  try {
    if (sums.count > 0) yield makeEstimate(sums, context);
    for await (const [[, end]] of runJob(source, sink)) {
      if (end - firstReplica > 1) yield makeEstimate(sums, context);
    }
  } finally {
    // Here, because the caller may leave at the first estimate.
    await file?.close();
  }
}

/**
 * The ranges of replicas up to `goal` that follow the first `done`. Short ones come first, for an early estimate. With
 * `looks`, no range reaches past a number of replicas after which an error goal is checked.
 */
function* rangesOf(
  firstReplica: number,
  done: number,
  goal: number,
  size: number,
  looks: boolean,
): Generator<Range, void, void> {
  for (let from = done; from < goal;) {
    const count = Math.min(size, goal - from, looks ? nextLook(from) - from : Math.max(FIRST_LOOK, from));
    yield [firstReplica + from, firstReplica + from + count];
    from += count;
  }
}

function reached(sums: Accumulator, context: EstimateContext): boolean {
  return context.relativeError !== null && makeEstimate(sums, context).targetReached === true;
}

/** 1000, 1250, 1563, ...: the numbers of replicas after which a goal is looked at. */
function nextLook(done: number): number {
  let look = FIRST_LOOK;
  while (look <= done) look = Math.ceil(look * NEXT_LOOK);
  return look;
}

function isLook(done: number): boolean {
  let look = FIRST_LOOK;
  while (look < done) look = Math.ceil(look * NEXT_LOOK);
  return look === done;
}

/** The run over replicas, whatever draws them and whatever becomes of them besides. */
import type { ChainReplicas, RunOptions } from '../../backend/backend';
import type { Provenance } from '../../kernel/arguments';
import { Accumulator } from './accumulator';
import type { Chunk, Drawing } from '../../runs/ahead';
import type { ReplicaSource } from './chain-source';
import type { CheckpointWriter } from '../checkpoint';
import type { DispersionRequest } from './dispersion-request';
import { type DispersionEstimate, type EstimateContext, makeEstimate, scaleOf } from './estimate';

export interface Surroundings {
  readonly source: ReplicaSource;
  readonly drawing: Drawing;
  readonly run: RunOptions;
  readonly provenance: Provenance;
  /** Takes over the sums of an earlier run, and keeps those of this one. */
  readonly openCheckpoint?: (sums: Accumulator) => Promise<CheckpointWriter<Accumulator>>;
  /** Is shown all replicas, in their order, before the estimate that they are in. */
  readonly observe?: (replicas: ChainReplicas, count: number) => void;
}

/** A goal is looked at after these many replicas, and then each time when there are a quarter more: never in between. */
const FIRST_LOOK = 1000;
const NEXT_LOOK = 1.25;

export async function* runDispersion(
  { settings, samplerReason, exact, goal, relativeError }: DispersionRequest,
  { source, drawing, run, provenance, openCheckpoint, observe }: Surroundings,
): AsyncGenerator<DispersionEstimate, void, void> {
  const sums = new Accumulator(scaleOf(exact));
  const checkpoint = await openCheckpoint?.(sums);
  const { shares } = source;
  const context = { ...settings, samplerReason, exact, relativeError, provenance, shares };
  const enough = (): boolean => isLook(sums.count) && reached(sums, context);
  if (sums.count > 0) yield makeEstimate(sums, context);
  if (sums.count === goal || enough()) return;
  const draw = ({ from, count }: Chunk, signal: AbortSignal | undefined): Promise<ChainReplicas> =>
    source.sample(settings.firstReplica + from, count, {
      threads: run.threads,
      signal,
      onProgress: progressOf(run, from, count, goal),
    });
  const tasks = chunks(sums.count, goal, source.chunk, relativeError !== null);
  for await (const [{ count }, replicas] of drawing(tasks, draw, run.signal)) {
    sums.add(replicas, count);
    observe?.(replicas, count);
    const last = sums.count === goal || enough();
    await checkpoint?.write(sums, last);
    if (sums.count > 1) yield makeEstimate(sums, context);
    if (last) return;
  }
}

/**
 * Up to `goal`, short ones first, for an early estimate. With `looks`, none reaches past a number of replicas after which a goal
 * is looked at.
 */
function* chunks(first: number, goal: number, size: number, looks: boolean): Generator<Chunk, void, void> {
  for (let from = first; from < goal;) {
    const count = Math.min(size, goal - from, looks ? nextLook(from) - from : Math.max(FIRST_LOOK, from));
    yield { from, count };
    from += count;
  }
}

/** The progress of a run of `goal` replicas while some of them are drawn. */
function progressOf({ onProgress }: RunOptions, from: number, count: number, goal: number) {
  return (
    onProgress &&
    ((share: number) => {
      onProgress((from + share * count) / goal);
    })
  );
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

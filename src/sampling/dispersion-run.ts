/** The run over replicas, whatever draws them and whatever becomes of them besides. */
import type { ChainReplicas, RunOptions } from '../backend/backend';
import type { Provenance } from '../kernel/arguments';
import { Accumulator } from './accumulator';
import type { ReplicaSource } from './chain-source';
import type { CheckpointWriter } from './checkpoint';
import type { DispersionRequest } from './dispersion-request';
import { type DispersionEstimate, type EstimateContext, makeEstimate, scaleOf } from './estimate';

export interface Surroundings {
  readonly source: ReplicaSource;
  readonly run: RunOptions;
  readonly provenance: Provenance;
  /** Takes over the sums of an earlier run, and keeps those of this one. */
  readonly openCheckpoint?: (sums: Accumulator) => Promise<CheckpointWriter>;
  /** Is shown all replicas, in their order, before the estimate that they are in. */
  readonly observe?: (replicas: ChainReplicas, count: number) => void;
}

/** A goal is looked at after these many replicas, and then each time when there are a quarter more: never in between. */
const FIRST_LOOK = 1000;
const NEXT_LOOK = 1.25;

export async function* runDispersion(
  { settings, samplerReason, exact, goal, relativeError }: DispersionRequest,
  { source, run, provenance, openCheckpoint, observe }: Surroundings,
): AsyncGenerator<DispersionEstimate, void, void> {
  const sums = new Accumulator(scaleOf(exact));
  const checkpoint = await openCheckpoint?.(sums);
  const { shares } = source;
  const context = { ...settings, samplerReason, exact, relativeError, provenance, shares };
  const { signal, onProgress, threads } = run;
  let done = sums.count;
  if (done > 0) yield makeEstimate(sums, context);
  while (done < goal && !(isLook(done) && reached(sums, context))) {
    signal?.throwIfAborted();
    const count = Math.min(source.chunk, goal - done, nextLook(done) - done);
    const before = done;
    const replicas = await source.sample(settings.firstReplica + done, count, {
      threads,
      signal,
      onProgress:
        onProgress &&
        ((fraction) => {
          onProgress((before + fraction * count) / goal);
        }),
    });
    sums.add(replicas, count);
    observe?.(replicas, count);
    done += count;
    await checkpoint?.write(sums, done === goal);
    if (sums.count > 1) yield makeEstimate(sums, context);
  }
  await checkpoint?.write(sums, true);
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

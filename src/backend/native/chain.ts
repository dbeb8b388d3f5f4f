/** The scalar chain on the addon; the arguments are those of native/addon/chain.cpp. */
import type { ChainPlan, ChainReplicas, ChainTask, PathTables, RunOptions } from '../seam';
import type { Addon, ChainArguments } from './addon';
import { runJob } from './job';

export async function sampleChain(
  addon: Addon,
  { plan, seed, first, count }: ChainTask,
  run: RunOptions,
): Promise<ChainReplicas> {
  const result = {
    thetas: new Float64Array(count),
    exponents: new Int32Array(count),
    weights: new Float64Array(count),
    weightExponents: new Int32Array(count),
    parts: new Uint8Array(count),
  };
  const task = { ...chainArguments(plan), seed, first, count, threads: run.threads, ...result };
  return runJob((listener) => addon.startChain(task, listener), result, run, sampleChain);
}

export function chainArguments({ gates, mixture, ...plan }: ChainPlan): ChainArguments {
  const tables = prefixed('gate', { ...gates });
  if (mixture === null) return { ...plan, ...tables, tilted: false };
  const { shares, inverseMean, inverseSecondMoment } = mixture;
  return {
    ...plan,
    ...tables,
    tilted: true,
    shares: Float64Array.from(shares),
    ...prefixed('inverseMean', inverseMean),
    ...prefixed('inverseSecondMoment', inverseSecondMoment),
    ...prefixed('first', pathArguments(mixture.first)),
    ...prefixed('second', pathArguments(mixture.second)),
  };
}

function pathArguments(paths: PathTables): ChainArguments {
  return { ...paths };
}

/** { bits } under `gate` becomes { gateBits }. */
function prefixed(part: string, values: ChainArguments): ChainArguments {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `${part}${name[0]!.toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  );
}

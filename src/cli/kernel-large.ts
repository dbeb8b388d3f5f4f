/** `deepntk kernel` where the kernel is not held in memory: to a file in tiles, its largest eigenvalues, its diagonal. */
import { createRequire } from 'node:module';

import type { Command } from 'commander';

import { writeNpy } from '../data/npy';
import type { Progress } from '../kernel/arguments';
import type { NtkOptions } from '../kernel/ntk';
import type { EigenpairOptions, EigenpairPlan } from '../large/eigenpairs';
import type { LargeKernelPlan } from '../large/plan';
import type { NdArray } from '../ndarray';
import { type Mlp, networkOf } from '../network/mlp';
import { explainTopEigenpairs, kernelDiagonal, topEigenpairs } from '../network/products';
import type * as QueueKernel from '../queue/kernel';
import { expectWritable } from './files';
import { type Flags, namingFiles, ntkOptions } from './kernel';
import { readKernelInputs } from './kernel-inputs';
import { givenFlags } from './net-options';
import { originOf, originRows } from './net-facts';
import { readNet } from './net-source';
import { bytes, figures, flops, printJson, printTable, type Rows, seconds } from './output';
import { progressBar } from './progress';
import { UsageError } from './usage';

export function isLarge({ memory, topEigenvalues, diagonal, shard, queue }: Flags): boolean {
  return [memory, topEigenvalues, diagonal, shard, queue].some((flag) => flag !== undefined);
}

/** Refuses what would be ignored. */
export function checkLargeFlags(flags: Flags, command: Command): void {
  const refuse = (attributes: readonly string[], reason: string): void => {
    const [flag] = givenFlags(command, attributes);
    if (flag !== undefined) throw new UsageError(`${flag}: ${reason}`);
  };
  const { memory, topEigenvalues, diagonal, shard, queue, outputsAxis } = flags;
  if (topEigenvalues !== undefined) refuse(['diagonal'], 'not to be given with --top-eigenvalues');
  const single = topEigenvalues !== undefined || diagonal === true;
  if (single) refuse(['shard', 'queue'], 'not to be given with --top-eigenvalues or --diagonal');
  if (shard !== undefined) refuse(['queue', 'explain'], 'not to be given with --shard');
  const toFile = !single && (memory !== undefined || shard !== undefined || queue !== undefined);
  if (!toFile) {
    refuse(['dtype'], 'only for a kernel that goes to a file with --memory, --shard or --queue');
    refuse(['features'], 'only for a kernel that goes to a file with --memory or --shard');
  } else if (flags.out === undefined && !flags.explain) {
    const flag = shard !== undefined ? '--shard' : queue !== undefined ? '--queue' : '--memory';
    throw new UsageError(`${flag}: expected --out, the file that the kernel goes to`);
  }
  if (queue !== undefined)
    refuse(
      ['memory', 'features', 'threads', 'explain'],
      'not to be given with --queue: workers have their own',
    );
  else refuse(['redis', 'redisMemory'], 'only for --queue');
  if (topEigenvalues === undefined) refuse(['tolerance'], 'only for --top-eigenvalues');
  if (isLarge(flags))
    refuse(['perLayer'], 'not to be given with --memory, --shard, --queue, --top-eigenvalues or --diagonal');
  if (single) refuse(['x2'], 'not to be given with --top-eigenvalues or --diagonal');
  if (diagonal) refuse(['explain'], 'not to be given with --diagonal');
  if (topEigenvalues !== undefined && outputsAxis === 'diagonal') {
    throw new UsageError('--outputs-axis: expected another than diagonal for --top-eigenvalues');
  }
}

export async function runLargeKernel(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  // What goes to a file in tiles looks itself.
  if (flags.out !== undefined && (flags.diagonal || flags.topEigenvalues !== undefined)) {
    await expectWritable(flags.out);
  }
  const { x, x2, loaded } = await readKernelInputs(flags, command, signal);
  const net = await readNet(flags, command, x.shape[1]);
  const options = {
    ...ntkOptions(flags),
    ...(flags.memory !== undefined && { memoryLimit: flags.memory }),
    ...(flags.dtype !== undefined && { dtype: flags.dtype }),
    ...(flags.features !== undefined && { features: flags.features }),
  };
  if (flags.explain) {
    namingFiles(flags, () => {
      explain(flags, net, x, x2, options);
    });
    return;
  }
  const bar = progressBar('kernel');
  const watched = { ...options, signal, ...(bar && { onProgress: bar.onProgress }) };
  const start = performance.now();
  try {
    const compute = taskOf(flags);
    const [json, rows] = await compute(net, x, x2, watched, flags).finally(() => bar?.stop());
    const elapsed = (performance.now() - start) / 1000;
    const source = {
      ...originOf(flags, net),
      file: flags.out ?? null,
      loaded,
    };
    if (flags.json) printJson({ ...json, ...source, seconds: elapsed });
    else {
      const ending: Rows = [
        ['time', seconds(elapsed)],
        ['file', flags.out ?? null],
      ];
      printTable([...rows, ...originRows(source), ...ending]);
    }
  } catch (error) {
    namingFiles(flags, () => {
      throw error;
    });
  }
}

function explain(
  flags: Flags,
  net: Mlp,
  x: NdArray,
  x2: NdArray | null,
  options: NtkOptions & { readonly memoryLimit?: number },
): void {
  const origin = originOf(flags, net);
  const print = (plan: object, rows: Rows): void => {
    if (flags.json) printJson({ ...plan, ...origin });
    else printTable([...rows, ...originRows(origin)]);
  };
  if (flags.topEigenvalues !== undefined) {
    const plan = explainTopEigenpairs(net, x, eigenpairOptions(options, flags));
    print(plan, eigenpairRows(plan));
    return;
  }
  const plan = net.explainNtk(x, x2, { ...options, perLayer: false, memoryLimit: flags.memory! });
  print(plan, planRows(plan));
}

type Watched = NtkOptions & {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly memoryLimit?: number;
};
type Compute = (
  net: Mlp,
  x: NdArray,
  x2: NdArray | null,
  options: Watched,
  flags: Flags,
) => Promise<[json: object, rows: Rows]>;

function taskOf({ topEigenvalues, diagonal, queue }: Flags): Compute {
  if (topEigenvalues !== undefined) return eigenvalues;
  if (diagonal) return onlyDiagonal;
  return queue === undefined ? toFile : onQueue;
}

const onQueue: Compute = async (net, x, x2, options, { out, queue, redis, redisMemory }) => {
  const { kernelOnQueue } = createRequire(__filename)('../queue/kernel') as typeof QueueKernel;
  const named = { out: out!, queue: queue!, redis, redisMemory };
  const result = await kernelOnQueue(networkOf(net), x, x2, { ...options, perLayer: false, ...named });
  const { shape, dtype, precision, tiles, backend, core } = result;
  return [
    result,
    [
      ['kernel', `${shape.join(' x ')}, ${dtype} on disk, ${precision}`],
      ['computed', tilesRow(tiles)],
      ['queue', queue!],
      ['backend', `${backend}${core === null ? '' : ` (${core})`}`],
    ],
  ];
};

const tilesRow = ({ computed, reused }: { readonly computed: number; readonly reused: number }): string =>
  `${computed} tiles${reused > 0 ? `, ${reused} were there from an interrupted run` : ''}`;

const toFile: Compute = async (net, x, x2, options, { out, shard }) => {
  const result = await net.ntk(x, x2, { ...options, perLayer: false, out: out!, ...(shard && { shard }) });
  return [
    result,
    [
      ...planRows(result.plan, shard === undefined ? '' : ' (whole kernel)'),
      ['part', shard === undefined ? null : `${shard.index} of ${shard.count}`],
      ['computed', tilesRow(result.tiles)],
    ],
  ];
};

const eigenpairOptions = (
  options: NtkOptions & { readonly memoryLimit?: number },
  { topEigenvalues, tolerance, outputsAxis }: Flags,
): EigenpairOptions => ({
  ...options,
  outputs: outputsAxis as 'trace',
  count: topEigenvalues!,
  ...(tolerance !== undefined && { tolerance }),
});

const eigenvalues: Compute = async (net, x, _, options, flags) => {
  const found = await topEigenpairs(net, x, eigenpairOptions(options, flags));
  const { out } = flags;
  const { vectors, values, residuals, ...json } = found;
  if (out !== undefined) await writeNpy(out, vectors);
  const { converged, products } = found;
  return [
    { eigenvalues: [...values], residuals: [...residuals], shape: vectors.shape, ...json },
    [
      ...[...values].map(
        (value, j) =>
          [`eigenvalue ${j + 1}`, `${figures(value)} +- ${residuals[j]!.toExponential(1)}`] as const,
      ),
      ['converged', `${converged ? 'yes' : 'NO: the values are lower bounds'}, after ${products} products`],
      ...eigenpairRows(found.plan),
    ],
  ];
};

const onlyDiagonal: Compute = async (net, x, _, options, { out }) => {
  const { data, shape, ...json } = await kernelDiagonal(net, x, options);
  if (out !== undefined) await writeNpy(out, { data, shape });
  let mean = 0;
  let smallest = Infinity;
  let largest = -Infinity;
  for (const entry of data) {
    mean += entry / data.length;
    smallest = Math.min(smallest, entry);
    largest = Math.max(largest, entry);
  }
  return [
    { shape, mean, smallest, largest, ...json },
    [
      ['diagonal', shape.join(' x ')],
      ['mean', figures(mean)],
      ['from', `${figures(smallest)} to ${figures(largest)}`],
    ],
  ];
};

function eigenpairRows(plan: EigenpairPlan): Rows {
  const {
    featuresKept,
    blocks,
    blockEdge,
    block,
    basis,
    flops: work,
    bytes: memory,
    seconds: expected,
  } = plan;
  return [
    [
      'features',
      `${featuresKept ? 'all in memory' : 'computed again'}, ${blocks} blocks of ${blockEdge} inputs`,
    ],
    ['basis', `${basis} vectors, ${block} at a time`],
    ['work', `features ${flops(work.features)}, a product ${flops(2 * work.direction)} an output`],
    ['memory', `at most ${bytes(memory.total)} of ${bytes(memory.limit)}`],
    [
      'expected',
      `${seconds(expected.features)} for features, ${seconds(2 * expected.direction)} for a product and output`,
    ],
  ];
}

/** @param whole behind what is of the whole kernel, where a part of it is computed */
function planRows(plan: LargeKernelPlan, whole = ''): Rows {
  const { shape, symmetric, dtype, strategy, tileEdge, tiles, bytes: memory, flops: work } = plan;
  const again = { resident: 'all in memory', recompute: 'computed again', spill: 'spilled to a file' }[
    strategy
  ];
  return [
    [
      'kernel',
      `${shape.join(' x ')}${symmetric ? ', symmetric' : ''}, ${dtype} on disk, ${bytes(memory.file)}`,
    ],
    ['tiles', `${tiles} of ${tileEdge} inputs${whole}`],
    [
      'features',
      `${again}; ${plan.blocksInMemory} blocks in memory, ${plan.blocksComputed} computed, ${plan.blocksRead} read${whole}`,
    ],
    ['work', `${flops(work.total)}, of which features ${flops(work.features)}${whole}`],
    ['memory', `at most ${bytes(memory.total)} of ${bytes(memory.limit)}`],
    ['  held before', bytes(memory.held)],
    ['  features', bytes(memory.features)],
    ['  tiles', bytes(memory.tiles)],
    ['  scratch, reserve', bytes(memory.scratch + memory.reserve)],
    ['temporary file', memory.spill > 0 ? bytes(memory.spill) : null],
    [
      'expected',
      `${seconds(plan.seconds.compute)} of computing, ${seconds(plan.seconds.files)} of files${whole}`,
    ],
    [
      'backend',
      `${plan.backend}, ${plan.threads} ${plan.threads === 1 ? 'thread' : 'threads'}, ${plan.precision}`,
    ],
  ];
}

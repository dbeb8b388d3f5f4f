/** `deepntk kernel` where the kernel is not held in memory: to a file in tiles, its largest eigenvalues, its diagonal. */
import type { Command } from 'commander';

import { writeNpy } from '../data/npy';
import type { Progress } from '../kernel/arguments';
import type { NtkOptions } from '../kernel/ntk';
import type { LargeKernelPlan } from '../large/plan';
import type { NdArray } from '../ndarray';
import type { Mlp } from '../network/mlp';
import { kernelDiagonal, topEigenpairs } from '../network/products';
import { abortOnInterrupt } from './interrupt';
import { readInputs } from './files';
import { type Flags, namingFiles, ntkOptions, readX } from './kernel';
import { givenFlags } from './net-options';
import { readNet } from './net-source';
import { bytes, figures, flops, printJson, printTable, type Rows, seconds } from './output';
import { progressBar } from './progress';
import { UsageError } from './usage';

export function isLarge({ memory, topEigenvalues, diagonal }: Flags): boolean {
  return memory !== undefined || topEigenvalues !== undefined || diagonal === true;
}

/** Refuses what would be ignored. */
export function checkLargeFlags(flags: Flags, command: Command): void {
  const refuse = (attribute: string, reason: string): void => {
    const [flag] = givenFlags(command, [attribute]);
    if (flag !== undefined) throw new UsageError(`${flag}: ${reason}`);
  };
  const { memory, topEigenvalues, diagonal, outputsAxis } = flags;
  if (topEigenvalues !== undefined && diagonal) refuse('diagonal', 'not to be given with --top-eigenvalues');
  const toFile = memory !== undefined && topEigenvalues === undefined && !diagonal;
  if (!toFile) {
    refuse('dtype', 'only for a kernel that goes to a file with --memory');
    refuse('features', 'only for a kernel that goes to a file with --memory');
  } else if (flags.out === undefined && !flags.explain) {
    throw new UsageError('--memory: expected --out, the file that the kernel goes to');
  }
  if (topEigenvalues === undefined) refuse('tolerance', 'only for --top-eigenvalues');
  if (isLarge(flags)) refuse('perLayer', 'not to be given with --memory, --top-eigenvalues or --diagonal');
  if (topEigenvalues !== undefined || diagonal) {
    refuse('x2', 'not to be given with --top-eigenvalues or --diagonal');
    refuse('explain', 'not to be given with --top-eigenvalues or --diagonal');
  }
  if (topEigenvalues !== undefined && outputsAxis === 'diagonal') {
    throw new UsageError('--outputs-axis: expected another than diagonal for --top-eigenvalues');
  }
}

export async function runLargeKernel(flags: Flags, command: Command): Promise<void> {
  const interrupt = abortOnInterrupt();
  const x = await readX(flags);
  const x2 = flags.x2 === undefined ? null : await readInputs(flags.x2);
  const net = await readNet(flags, command, x.shape[1]);
  const options = {
    ...ntkOptions(flags),
    ...(flags.memory !== undefined && { memoryLimit: flags.memory }),
    ...(flags.dtype !== undefined && { dtype: flags.dtype }),
    ...(flags.features !== undefined && { features: flags.features }),
  };
  if (flags.explain) {
    const plan = namingFiles(flags, () =>
      net.explainNtk(x, x2, { ...options, perLayer: false, memoryLimit: flags.memory! }),
    );
    if (flags.json) printJson(plan);
    else printTable(planRows(plan));
    return;
  }
  const bar = progressBar('kernel');
  const watched = { ...options, signal: interrupt.signal, ...(bar && { onProgress: bar.onProgress }) };
  const start = performance.now();
  try {
    const compute = taskOf(flags);
    const [json, rows] = await compute(net, x, x2, watched, flags).finally(() => bar?.stop());
    interrupt.release();
    const elapsed = (performance.now() - start) / 1000;
    const source = {
      net: flags.net ?? null,
      seed: flags.net === undefined ? flags.seed : null,
      replica: flags.net === undefined ? flags.replica : null,
      file: flags.out ?? null,
    };
    if (flags.json) printJson({ ...json, ...source, seconds: elapsed });
    else printTable([...rows, ['time', seconds(elapsed)], ['file', flags.out ?? null]]);
  } catch (error) {
    namingFiles(flags, () => {
      throw error;
    });
  }
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

function taskOf({ topEigenvalues, diagonal }: Flags): Compute {
  if (topEigenvalues !== undefined) return eigenvalues;
  return diagonal ? onlyDiagonal : toFile;
}

const toFile: Compute = async (net, x, x2, options, { out }) => {
  const result = await net.ntk(x, x2, { ...options, perLayer: false, out: out! });
  const { computed, reused } = result.tiles;
  return [
    result,
    [
      ...planRows(result.plan),
      ['computed', `${computed} tiles${reused > 0 ? `, ${reused} were there from an interrupted run` : ''}`],
    ],
  ];
};

const eigenvalues: Compute = async (net, x, _, options, { out, topEigenvalues, tolerance, outputsAxis }) => {
  const found = await topEigenpairs(net, x, {
    ...options,
    outputs: outputsAxis as 'trace',
    count: topEigenvalues!,
    ...(tolerance !== undefined && { tolerance }),
  });
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

function planRows(plan: LargeKernelPlan): Rows {
  const { shape, symmetric, dtype, strategy, tileEdge, tiles, bytes: memory, flops: work } = plan;
  const again = { resident: 'all in memory', recompute: 'computed again', spill: 'spilled to a file' }[
    strategy
  ];
  return [
    [
      'kernel',
      `${shape.join(' x ')}${symmetric ? ', symmetric' : ''}, ${dtype} on disk, ${bytes(memory.file)}`,
    ],
    ['tiles', `${tiles} of ${tileEdge} inputs`],
    [
      'features',
      `${again}; ${plan.blocksInMemory} blocks in memory, ${plan.blocksComputed} computed, ${plan.blocksRead} read`,
    ],
    ['work', `${flops(work.total)}, of which features ${flops(work.features)}`],
    ['memory', `at most ${bytes(memory.total)} of ${bytes(memory.limit)}`],
    ['  held before', bytes(memory.held)],
    ['  features', bytes(memory.features)],
    ['  tiles', bytes(memory.tiles)],
    ['  scratch, reserve', bytes(memory.scratch + memory.reserve)],
    ['temporary file', memory.spill > 0 ? bytes(memory.spill) : null],
    ['expected', `${seconds(plan.seconds.compute)} of computing, ${seconds(plan.seconds.files)} of files`],
    [
      'backend',
      `${plan.backend}, ${plan.threads} ${plan.threads === 1 ? 'thread' : 'threads'}, ${plan.precision}`,
    ],
  ];
}

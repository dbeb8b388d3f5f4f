/** What `deepntk kernel` prints. */
import type { NtkResult } from '../kernel/ntk';
import type { KernelPlan } from '../kernel/plan';
import type { EigenpairPlan } from '../large/eigenpairs';
import type { LargeKernelPlan } from '../large/plan';
import { summarizeKernel } from '../kernel/statistics';
import { type NetOrigin, originRows } from './net-facts';
import { bytes, figures, flops, printJson, printTable, type Rows, seconds } from './output';

/** The files with one layer's parts of the kernel. */
export interface Part {
  readonly layer: number;
  readonly weights?: string;
  readonly biases?: string;
}

/** What the result itself does not say. */
export interface KernelRun extends NetOrigin {
  readonly seconds: number;
  readonly file: string | null;
  /** How each file of inputs was understood. */
  readonly loaded: readonly object[];
  readonly parts?: readonly Part[];
}

/** @param symmetric whether rows and columns belong to the same inputs */
export function printKernel(
  result: NtkResult,
  run: KernelRun,
  { symmetric, json }: { readonly symmetric: boolean; readonly json: boolean },
): void {
  const { shape, outputs, parameters, layers, precision, backend, core, threads, version } = result;
  const summary = symmetric && shape.length === 2 ? summarizeKernel(result) : null;
  if (json) {
    const { meanDiagonal = null, meanOffDiagonal = null, offDiagonalRatio = null } = summary ?? {};
    printJson({
      shape,
      meanDiagonal,
      meanOffDiagonal,
      offDiagonalRatio,
      outputs,
      parameters,
      layers,
      precision,
      backend,
      core,
      threads,
      ...run,
      version,
    });
    return;
  }
  const { file, parts } = run;
  printTable([
    ['kernel', `${shape.join(' x ')}, ${outputs}, ${precision}`],
    ['mean of the diagonal', summary && figures(summary.meanDiagonal)],
    ['off-diagonal / diagonal', summary && figures(summary.offDiagonalRatio)],
    ...originRows(run),
    ['backend', `${backend}${core === null ? '' : ` (${core})`}, ${threadsWord(threads)}`],
    ['time', seconds(run.seconds)],
    ['file', file],
    ['parts', parts ? `${parts.length} layers, ${parts[0]?.weights ?? parts[0]?.biases ?? ''} ...` : null],
  ]);
}

export function printPlan(plan: KernelPlan, origin: NetOrigin, json: boolean): void {
  if (json) {
    printJson({ ...plan, ...origin });
    return;
  }
  const { inputs, shape, symmetric, flops: work, bytes: memory, blocks } = plan;
  printTable([
    ['kernel', `${shape.join(' x ')} of ${inputs.join(' x ')} inputs${symmetric ? ', symmetric' : ''}`],
    ['work', flops(work.total)],
    ['  forward', flops(work.forward)],
    ['  backward', flops(work.backward)],
    ['  Gram matrices', flops(work.grams)],
    ['memory', bytes(memory.total)],
    ['  activations', bytes(memory.activations)],
    ['  deltas', bytes(memory.deltas)],
    ['  scratch', bytes(memory.scratch)],
    ['  result', bytes(memory.result)],
    ['blocks', `${blocks.rows} rows, Gram tiles of ${blocks.gram} inputs`],
    ['backend', `${plan.backend}, ${threadsWord(plan.threads)}, ${plan.precision}`],
    ...originRows(origin),
  ]);
}

function threadsWord(threads: number): string {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

export function tilesRow({
  computed,
  reused,
}: {
  readonly computed: number;
  readonly reused: number;
}): string {
  return `${computed} tiles${reused > 0 ? `, ${reused} were there from an interrupted run` : ''}`;
}

export function eigenpairRows(plan: EigenpairPlan): Rows {
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

/** @param whole what follows numbers of the whole kernel if only a part of it is computed */
export function planRows(plan: LargeKernelPlan, whole = ''): Rows {
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

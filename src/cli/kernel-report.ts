/** What `deepntk kernel` prints. */
import type { NtkResult } from '../kernel/ntk';
import type { KernelPlan } from '../kernel/plan';
import { summarizeKernel } from '../kernel/statistics';
import { type NetOrigin, originRows } from './net-facts';
import { bytes, figures, flops, printJson, printTable, seconds } from './output';

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

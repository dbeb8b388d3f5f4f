/** The arrays of a training run, and the tasks that backends are given. */
import { layerSlots } from '../backend/layers';
import type { LossName, OptimizerRule, TrainTask } from '../backend/seam';
import { allocated, DeepntkError } from '../errors';
import { copyInputs } from '../kernel/arguments';
import { expectFits } from '../memory';
import { networkData, parameterCount, slotViews } from '../network/parameters';
import { biasGradientsByLayer, type MlpSpec } from '../network/spec';
import { type DataArrays, targetsOf } from './loss';

/** What stays from step to step; all arrays on SharedArrayBuffers, where threads work on them in place. */
export interface Workspace {
  readonly spec: MlpSpec;
  readonly parameters: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly n: number;
  readonly loss: LossName;
  readonly optimizer: OptimizerRule;
  readonly moments: readonly [Float64Array, Float64Array];
  readonly gradients: readonly Float64Array[];
}

/** Slots of a batch: enough for some cores, and few, because each has a gradient of its own. */
const MAX_SLOTS = 8;
const MAX_GRADIENT_NUMBERS = 2 ** 26;
const MIN_SLOT_ROWS = 64;
const ROW_BLOCK = 512;

/**
 * @param parameters on a SharedArrayBuffer; the run changes them in place
 * @param batchSize the most samples of a batch; null for all
 */
export function createWorkspace(
  where: string,
  spec: MlpSpec,
  data: DataArrays,
  parameters: Float64Array,
  loss: LossName,
  optimizer: OptimizerRule,
  batchSize: number | null,
): Workspace {
  const n = data.x.shape[0]!;
  expectFrozenBiasesAreZero(where, spec, parameters);
  const count = parameterCount(spec);
  const slots = slotsOf(batchSize ?? n, count);
  const momentCount = optimizer.name === 'gd' ? 0 : optimizer.name === 'momentum' ? 1 : 2;
  const numbers = count * (1 + slots + momentCount) + n * (spec.inputDim + spec.outputDim);
  expectFits(
    where,
    8 * numbers,
    `the parameters, gradients and data of training a net of ${count} parameters`,
  );
  const targets = targetsOf(`${where}: `, data, loss);
  return {
    spec,
    parameters,
    x: shared(n * spec.inputDim, copyInputs(`${where}: x`, data.x, false)),
    y: shared(targets.length, targets),
    n,
    loss,
    optimizer,
    moments: [shared(momentCount > 0 ? count : 0), shared(momentCount > 1 ? count : 0)],
    gradients: Array.from({ length: slots }, () => shared(count)),
  };
}

/**
 * The net, and whether its biases are trained. Backends accept one answer for all layers. Zero biases that are not trained get
 * a gain of 0, so they affect neither outputs nor gradients.
 */
function networkOf(spec: MlpSpec, parameters: Float64Array): Pick<TrainTask, 'network' | 'biasGradients'> {
  const network = networkData(spec, parameters);
  if (typeof spec.biasGradients === 'boolean') return { network, biasGradients: spec.biasGradients };
  const biasGains = network.biasGains.map((gain, i) => (biasGradientsByLayer(spec)[i]! ? gain : 0));
  return { network: { ...network, biasGains }, biasGradients: true };
}

/** Biases with values other than 0 can be frozen only in all layers at once. */
function expectFrozenBiasesAreZero(where: string, spec: MlpSpec, parameters: Float64Array): void {
  if (typeof spec.biasGradients === 'boolean') return;
  layerSlots(spec.widths).forEach((slot, i) => {
    const [, biases] = slotViews(parameters, slot);
    if (biasGradientsByLayer(spec)[i]! || biases.every((bias) => bias === 0)) return;
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected biases of 0 in layer ${i + 1}, because its biases are not trained but those of other layers are, got other values`,
    );
  });
}

function slotsOf(batchSize: number, parameters: number): number {
  const fitting = Math.max(1, Math.floor(MAX_GRADIENT_NUMBERS / parameters));
  return Math.min(MAX_SLOTS, fitting, Math.ceil(batchSize / MIN_SLOT_ROWS));
}

function shared(length: number, values?: ArrayLike<number>): Float64Array {
  const array = allocated(`${length} numbers`, () => new Float64Array(new SharedArrayBuffer(8 * length)));
  if (values !== undefined) array.set(values);
  return array;
}

/** Some steps. */
export interface Steps {
  readonly stepsBefore: number;
  readonly learningRates: readonly number[];
  /** The rows of each step's batch; null where every batch is all of x. */
  readonly batchRows: readonly Int32Array[] | null;
}

export function createTask(
  workspace: Workspace,
  { stepsBefore, learningRates, batchRows }: Steps,
): TrainTask {
  const { spec, parameters, ...rest } = workspace;
  const steps = learningRates.length;
  return {
    ...rest,
    ...networkOf(spec, parameters),
    stepsBefore,
    learningRates: shared(steps, learningRates),
    batchSizes: Int32Array.from(learningRates, (_, step) => batchRows?.[step]!.length ?? workspace.n),
    batchRows: batchRows === null ? null : joined(batchRows),
    losses: shared(steps),
    minSlotRows: MIN_SLOT_ROWS,
    rowBlock: ROW_BLOCK,
  };
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

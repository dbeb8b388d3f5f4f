import { type LayerSlot, layerSlots } from '../backend/layers';
import type { NetworkData } from '../backend/seam';
import { resolveBackend } from '../backend/choose';
import { PURPOSE, streamOf } from '../random/streams';
import { allocated } from '../errors';
import { expectFits } from '../memory';
import { type MlpSpec, type NetworkSpec, readMlpSpec } from './spec';

/** The number of parameters of a net, weights and biases: sum over layers of n_l n_{l-1} + n_l. */
export function parameterCount(spec: MlpSpec): number {
  const { widths } = readMlpSpec('parameterCount', spec);
  return widths.slice(1).reduce((count, width, i) => count + width * (widths[i]! + 1), 0);
}

/**
 * One zeroed flat array for all parameters. Its memory is a SharedArrayBuffer: threads read it in place, and no
 * transfer can detach it while they do.
 *
 * @internal
 */
export function allocateParameters(where: string, spec: MlpSpec): Float64Array {
  const bytes = parameterCount(spec) * Float64Array.BYTES_PER_ELEMENT;
  expectFits(where, bytes, 'the parameters of the net');
  return allocated('the parameters of the net', () => new Float64Array(new SharedArrayBuffer(bytes)));
}

/**
 * Draws all parameters at their law: in standard parametrization W ~ N(0, sigma_w^2 / fan-in), b ~ N(0, sigma_b^2), in
 * NTK parametrization N(0, 1) both. A function of spec, seed and replica alone: every backend draws the same bits.
 *
 * @internal
 */
export function drawParameters(
  parameters: Float64Array,
  spec: NetworkSpec,
  seed: number,
  replica: number,
): void {
  const backend = resolveBackend();
  layerSlots(spec.widths).forEach((slot, index) => {
    const [weights, biases] = slotViews(parameters, slot);
    const ntk = spec.parametrization === 'ntk';
    const draw = (out: Float64Array, purpose: number, variance: number): void => {
      if (variance > 0) {
        backend.fillNormals(
          out,
          { seed, replica, stream: streamOf(purpose, index + 1) },
          Math.sqrt(variance),
        );
      }
    };
    draw(weights, PURPOSE.weights, ntk ? 1 : spec.weightVariance / slot.inputs);
    draw(biases, PURPOSE.biases, ntk ? 1 : spec.biasVariance);
  });
}

/** @internal The weights and biases of one layer as views into the flat array. */
export function slotViews(
  parameters: Float64Array,
  slot: LayerSlot,
): [weights: Float64Array, biases: Float64Array] {
  return [
    parameters.subarray(slot.weights, slot.biases),
    parameters.subarray(slot.biases, slot.biases + slot.outputs),
  ];
}

/** @internal The net as backends see it. */
export function networkData(spec: MlpSpec, parameters: Float64Array): NetworkData {
  const fanIns = spec.widths.slice(0, -1);
  // A spec in NTK parametrization has a known law.
  const ntk = spec.parametrization === 'ntk' && spec.weightVariance !== null;
  return {
    widths: spec.widths,
    parameters,
    weightGains: Float64Array.from(fanIns, (fanIn) => (ntk ? Math.sqrt(spec.weightVariance / fanIn) : 1)),
    biasGains: Float64Array.from(fanIns, () => (ntk ? Math.sqrt(spec.biasVariance) : 1)),
    slopes: spec.slopes,
  };
}

/**
 * A net at one input, before and after a step of gradient descent on that input. The step changes every weight matrix by a
 * matrix of rank one, W - eta g x', so that the moved net is computed without forming it.
 */
import { type LayerSlot, layerSlots } from '../backend/layers';
import type { NetworkData } from '../backend/seam';

export interface OneInputNet {
  readonly network: NetworkData;
  /** One entry for each layer. */
  readonly biasGradients: readonly boolean[];
  readonly x: Float64Array;
  /** Null: the net as it is. */
  readonly step: GradientStep | null;
}

/** W^l moves by -rate gain_l g^l x^{l-1}', b^l by -rate biasGain_l g^l. */
export interface GradientStep {
  readonly rate: number;
  /** g^l = dLoss/dh^l at l - 1. */
  readonly gradients: readonly Float64Array[];
  /** x^{l-1} before the step at l - 1. */
  readonly inputs: readonly Float64Array[];
}

/** What one pass forward and K passes back leave. */
export interface Chain {
  /** x^0 .. x^L */
  readonly activations: readonly Float64Array[];
  /** f */
  readonly outputs: Float64Array;
  /** Which units of x^1 .. x^L pass, at l - 1. */
  readonly gates: readonly Uint8Array[];
  /** For each output k, delta^l = df_k/dh^l at l - 1. */
  readonly deltas: readonly (readonly Float64Array[])[];
}

/** @param gates those to hold; null for the net's own */
export function chainOf(net: OneInputNet, gates: readonly Uint8Array[] | null): Chain {
  const slots = layerSlots(net.network.widths);
  const activations = [net.x];
  const found: Uint8Array[] = [];
  let outputs = net.x;
  slots.forEach((slot, index) => {
    const h = preactivations(net, slot, index, activations[index]!);
    if (index === slots.length - 1) {
      outputs = h;
      return;
    }
    const pass = gates?.[index] ?? Uint8Array.from(h, (value) => Number(value > 0));
    found.push(pass);
    activations.push(h.map((value, unit) => (pass[unit] === 1 ? value : 0)));
  });
  const deltas = Array.from(outputs, (_, k) => deltasOf(net, slots, found, k));
  return { activations, outputs, gates: found, deltas };
}

function preactivations(
  { network, biasGradients, step }: OneInputNet,
  { inputs, outputs, weights, biases }: LayerSlot,
  index: number,
  x: Float64Array,
): Float64Array {
  const { parameters } = network;
  const gain = network.weightGains[index]!;
  const biasGain = network.biasGains[index]!;
  const h = new Float64Array(outputs);
  for (let unit = 0; unit < outputs; unit++) {
    let sum = 0;
    const row = weights + unit * inputs;
    for (let j = 0; j < inputs; j++) sum += parameters[row + j]! * x[j]!;
    h[unit] = gain * sum + biasGain * parameters[biases + unit]!;
  }
  if (step !== null) {
    const overlap =
      gain * gain * dot(step.inputs[index]!, x) + (biasGradients[index]! ? biasGain * biasGain : 0);
    step.gradients[index]!.forEach((g, unit) => {
      h[unit]! -= step.rate * overlap * g;
    });
  }
  return h;
}

function deltasOf(
  { network, step }: OneInputNet,
  slots: readonly LayerSlot[],
  gates: readonly Uint8Array[],
  output: number,
): Float64Array[] {
  const deltas: Float64Array[] = new Array<Float64Array>(slots.length);
  deltas[slots.length - 1] = new Float64Array(network.widths.at(-1)!);
  deltas[slots.length - 1]![output] = 1;
  for (let index = slots.length - 1; index > 0; index--) {
    const { inputs, outputs, weights } = slots[index]!;
    const above = deltas[index]!;
    const gain = network.weightGains[index]!;
    const below = new Float64Array(inputs);
    for (let unit = 0; unit < outputs; unit++) {
      const factor = gain * above[unit]!;
      const row = weights + unit * inputs;
      if (factor !== 0) for (let j = 0; j < inputs; j++) below[j]! += factor * network.parameters[row + j]!;
    }
    const moved = step === null ? 0 : step.rate * gain * gain * dot(step.gradients[index]!, above);
    gates[index - 1]!.forEach((pass, j) => {
      below[j] = pass === 1 ? below[j]! - (moved === 0 ? 0 : moved * step!.inputs[index]![j]!) : 0;
    });
    deltas[index - 1] = below;
  }
  return deltas;
}

/** The step of gradient descent on |f|^2 / 2 at this input. */
export function gradientStep({ network }: OneInputNet, chain: Chain, rate: number): GradientStep {
  const gradients = network.widths
    .slice(1)
    .map((width, index) =>
      Float64Array.from({ length: width }, (_, unit) =>
        chain.deltas.reduce((sum, deltas, k) => sum + chain.outputs[k]! * deltas[index]![unit]!, 0),
      ),
    );
  return { rate, gradients, inputs: chain.activations };
}

/** Theta(x, x), the trace over outputs: sum_l (weightGain_l^2 |x^{l-1}|^2 + biasGain_l^2) sum_k |delta_k^l|^2. */
export function kernelOf({ network, biasGradients }: OneInputNet, { activations, deltas }: Chain): number {
  return activations.reduce((sum, x, index) => {
    const biasTerm = biasGradients[index]! ? network.biasGains[index]! ** 2 : 0;
    const factor = network.weightGains[index]! ** 2 * dot(x, x) + biasTerm;
    return sum + factor * deltas.reduce((total, of) => total + dot(of[index]!, of[index]!), 0);
  }, 0);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Kernels over initializations as tasks for a backend: the law of the parameters, the terms of the kernel, the sampler. */
import type { KernelForm } from '../../backend/forms';
import type { BackendName, KernelSampler, KernelTerms, LayerLaw } from '../../backend/seam';
import { binaryExponent, powerOfTwo } from '../../numbers/powers';
import { biasGradientsByLayer, type NetworkSpec } from '../../network/spec';

/** How the parameters of a net are drawn: the law of `Mlp.random`. */
export function lawOf(spec: NetworkSpec): LayerLaw {
  const { weightVariance, biasVariance, parametrization } = spec;
  const ntk = parametrization === 'ntk';
  const fanIns = Float64Array.from(spec.widths.slice(0, -1));
  const own = fanIns.map((fanIn) => Math.sqrt(weightVariance / fanIn));
  const ones = fanIns.map(() => 1);
  const biases = fanIns.map(() => Math.sqrt(biasVariance));
  // Biases that count for nothing are not drawn.
  const unit = biasVariance > 0 ? ones : biases;
  return {
    weightDeviations: ntk ? ones : own,
    weightGains: ntk ? own : ones,
    biasDeviations: ntk ? unit : biases,
    biasGains: ntk ? biases : ones,
  };
}

/**
 * The terms of the kernel of replicas drawn at spec.weightVariance, as it is at `weightVariance`, times `factor`.
 *
 * With sigma_b^2 = 0 the gates do not depend on sigma_w^2, and the kernel scales exactly with the ratio a of the two values: in
 * standard parametrization weights by a^L and the bias of layer l by a^(L+1-l), in NTK parametrization by a^(L+1).
 */
export function termsOf(spec: NetworkSpec, weightVariance = spec.weightVariance, factor = 1): KernelTerms {
  const { depth, widths } = spec;
  const trained = biasGradientsByLayer(spec);
  const ntk = spec.parametrization === 'ntk';
  const ratio = weightVariance / spec.weightVariance;
  const layers = depth + 1;
  const terms = {
    weights: new Float64Array(layers),
    weightExponents: new Int32Array(layers),
    biases: new Float64Array(layers),
    biasExponents: new Int32Array(layers),
  };
  const ofWeights = power(ratio, ntk ? depth + 1 : depth);
  for (let i = 0; i < layers; i++) {
    terms.weights[i] = factor * ofWeights.value * (ntk ? spec.weightVariance / widths[i]! : 1);
    terms.weightExponents[i] = ofWeights.exponent;
    const ofBias = power(ratio, depth - i);
    terms.biases[i] = trained[i]! ? factor * ofBias.value * (ntk ? spec.biasVariance : 1) : 0;
    terms.biasExponents[i] = ofBias.exponent;
  }
  return terms;
}

/** base^exponent as value times 2^exponent, for powers that no double holds. */
function power(base: number, times: number): { value: number; exponent: number } {
  let result = { value: 1, exponent: 0 };
  let square = normalized(base, 0);
  for (let rest = times; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      result = normalized(result.value * square.value, result.exponent + square.exponent);
    }
    square = normalized(square.value * square.value, 2 * square.exponent);
  }
  return result;
}

function normalized(value: number, exponent: number): { value: number; exponent: number } {
  const by = binaryExponent(value);
  return { value: value * powerOfTwo(-by), exponent: exponent + by };
}

export interface KernelSamplerChoice {
  readonly sampler: KernelSampler;
  /** Why, in words. */
  readonly reason: string;
}

/**
 * Which sampler takes less time for a replica, by {@link replicaNanoseconds}: `conditional` where inputs times outputs are few
 * against the width, else `direct`. A function of the net, the number of inputs and the form alone, so that results do not
 * depend on the machine.
 */
export function chooseKernelSampler(spec: NetworkSpec, n: number, form: KernelForm): KernelSamplerChoice {
  const conditional = replicaNanoseconds('conditional', spec, n, form);
  const direct = replicaNanoseconds('direct', spec, n, form);
  const gain = (conditional <= direct ? direct / conditional : conditional / direct).toPrecision(2);
  const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  const several = form !== 'sum-of-logits' && spec.outputDim > 1;
  const what = `${plural(n, 'input')}${several ? ` x ${plural(spec.outputDim, 'output')}` : ''}`;
  const [few, many] = n === 1 && !several ? ['is little', 'is much'] : ['are few', 'are many'];
  return conditional <= direct
    ? {
        sampler: 'conditional',
        reason: `${what} ${few} against the width: about ${gain} times as fast as drawing weights`,
      }
    : {
        sampler: 'direct',
        reason: `${what} ${many} against the width: drawing weights is about ${gain} times as fast`,
      };
}

/** Of a normal, of a multiplication and an addition in a large product, in a small one, and in a factorization (measured). */
const NORMAL = 3;
const LARGE_PRODUCT = 0.05;
const SMALL_PRODUCT = 0.06;
const FACTORIZATION = 0.2;

/** Replicas that are under way at once: one a thread, on a GPU some hundreds. */
export function replicasAtOnce(backend: BackendName, threads: number): number {
  return backend === 'cuda' ? 256 : threads;
}

/** About how long a replica takes on one thread of the native backend; on the other one about ten times as long. */
export function replicaNanoseconds(
  sampler: KernelSampler,
  spec: NetworkSpec,
  n: number,
  form: KernelForm,
): number {
  const pairs = n * (form === 'sum-of-logits' ? 1 : spec.outputDim);
  const { widths, depth } = spec;
  let time = 1000;
  if (sampler === 'direct') {
    for (let l = 1; l <= depth + 1; l++) {
      const weights = widths[l]! * widths[l - 1]!;
      time += weights * (NORMAL + (n + pairs) * LARGE_PRODUCT);
      time += (n * n * widths[l - 1]! + pairs * pairs * widths[l]!) * LARGE_PRODUCT;
    }
    return time;
  }
  // H, X'X, X'Z, Z C, X S, Delta' Delta and Z_h' Delta; triangles count half.
  const products = n * n + pairs * pairs + 3 * n * pairs;
  const factorizations = (n ** 3 + pairs ** 3) / 6 + n * n * pairs + (n * pairs * pairs) / 2;
  for (const width of spec.hiddenWidths) {
    time += width * ((n + pairs) * NORMAL + products * SMALL_PRODUCT) + factorizations * FACTORIZATION;
  }
  return time;
}

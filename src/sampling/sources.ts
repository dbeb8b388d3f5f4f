/** Where replicas come from: the samplers behind one face, and the choice among them. */
import type { Backend, ChainReplicas, RunOptions } from '../backend/backend';
import { DeepntkError } from '../errors';
import { allocateParameters, drawParameters, networkData, parameterCount } from '../network/parameters';
import type { NetworkSpec } from '../network/spec';
import type { MomentPair } from '../theory/moments';
import { planChain, planShares } from './chain-plan';

/**
 * - `direct`: draws every weight of a net and computes its kernel: the reference, O(depth width^2) a replica
 * - `chain`: the scalar chain, the same law in O(depth) a replica; one output
 * - `tilted`: the chain, drawn mostly from the laws weighted by Theta and by Theta^2 and weighed back: for dispersions that
 *   rest on replicas too rare to be drawn otherwise
 */
export type Sampler = 'direct' | 'chain' | 'tilted';

export const SAMPLERS: readonly Sampler[] = ['direct', 'chain', 'tilted'];

export interface ReplicaSource {
  /** Shares of the parts that replicas are drawn from. */
  readonly shares: readonly [number, number, number];
  /** About how many replicas to ask for at once: some tenths of a second of work. */
  readonly chunk: number;
  readonly sample: (first: number, count: number, run: RunOptions) => Promise<ChainReplicas>;
}

export interface SamplerChoice {
  readonly sampler: Sampler;
  /** Why, in words. */
  readonly reason: string;
}

/** Above this dispersion the tilted sampler's error is the smaller one, at 100 units a layer and for equal time. */
const PLAIN_UP_TO = 1.3;

export function chooseSampler(spec: NetworkSpec, exact: MomentPair): SamplerChoice {
  if (spec.outputDim > 1) {
    return {
      sampler: 'direct',
      reason: `the scalar chain is for one output, and there are ${spec.outputDim}`,
    };
  }
  const value = exact.dispersion.toPrecision(4);
  if (exact.dispersion <= PLAIN_UP_TO) {
    return { sampler: 'chain', reason: `the exact dispersion, ${value}, is small: replicas are alike` };
  }
  return {
    sampler: 'tilted',
    reason: `the exact dispersion, ${value}, is above ${PLAIN_UP_TO}: it rests on rare replicas`,
  };
}

export function replicaSource(
  sampler: Sampler,
  spec: NetworkSpec,
  inputNorm2: number,
  seed: number,
  backend: Backend,
): ReplicaSource {
  if (sampler === 'direct') return directSource(spec, inputNorm2, seed, backend);
  const plan = planChain(spec, inputNorm2, sampler === 'tilted');
  return {
    shares: planShares(sampler === 'tilted'),
    chunk: Math.min(65_536, Math.max(64, Math.round(2 ** 21 / (spec.depth + 1)))),
    sample: (first, count, run) => backend.sampleChain({ plan, seed, first, count }, run),
  };
}

/** Nets drawn in whole, one after the other on the calling thread, their kernels computed by the backend. */
function directSource(spec: NetworkSpec, inputNorm2: number, seed: number, backend: Backend): ReplicaSource {
  const parameters = allocateParameters('estimateDispersion', spec);
  const network = networkData(spec, parameters);
  const { weightGains, biasGains } = network;
  const task = {
    network,
    // The law depends on the norm of the input alone.
    x: new Float64Array(spec.inputDim).fill(Math.sqrt(inputNorm2 / spec.inputDim)),
    n: 1,
    x2: null,
    n2: 1,
    form: 'trace' as const,
    weightTerms: weightGains.map((gain) => gain * gain),
    biasTerms: biasGains.map((gain) => (spec.biasGradients ? gain * gain : 0)),
    perLayer: false,
    precision: 'float64' as const,
    blocks: { rows: Math.max(1, spec.outputDim), gram: 1 },
  };
  const oneReplica = async (replica: number, run: RunOptions): Promise<number> => {
    drawParameters(parameters, spec, seed, replica);
    const theta = (await backend.kernel(task, { threads: 1, signal: run.signal })).kernel[0]!;
    if (Number.isFinite(theta)) return theta;
    throw new DeepntkError(
      'ERR_COMPUTATION',
      `estimateDispersion: the kernel of replica ${replica} overflowed; the samplers "chain" and "tilted" cannot`,
    );
  };
  return {
    shares: planShares(false),
    chunk: Math.max(1, Math.round(2 ** 27 / parameterCount(spec))),
    async sample(first, count, run) {
      const thetas = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        run.signal?.throwIfAborted();
        thetas[i] = await oneReplica(first + i, run);
        run.onProgress?.((i + 1) / count);
        await nextTurn();
      }
      return {
        thetas,
        exponents: new Int32Array(count),
        weights: new Float64Array(count).fill(1),
        weightExponents: new Int32Array(count),
        parts: new Uint8Array(count),
      };
    },
  };
}

/** Lets timers and other events in. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

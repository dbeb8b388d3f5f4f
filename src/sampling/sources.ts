/** Where replicas come from: the samplers behind one face. */
import type { Backend, RunOptions } from '../backend/backend';
import { DeepntkError } from '../errors';
import { allocateParameters, drawParameters, networkData, parameterCount } from '../network/parameters';
import type { NetworkSpec } from '../network/spec';
import { planShares } from './chain-plan';
import { chainSource, type ReplicaSource } from './chain-source';
import type { Sampler } from './samplers';

export function replicaSource(
  sampler: Sampler,
  spec: NetworkSpec,
  inputNorm2: number,
  seed: number,
  backend: Backend,
): ReplicaSource {
  if (sampler === 'direct') return directSource(spec, inputNorm2, seed, backend);
  return chainSource(sampler, spec, inputNorm2, seed, backend);
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

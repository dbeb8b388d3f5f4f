/** Where replicas come from: the samplers behind one face. */
import type { Backend, KernelSampler } from '../../backend/seam';
import type { NetworkSpec } from '../../network/spec';
import { planShares } from './chain-plan';
import { chainSource, type ReplicaSource } from './chain-source';
import { lawOf, replicaNanoseconds, replicasAtOnce, termsOf } from '../matrix/kernel-source';
import type { Sampler } from '../samplers';

export function replicaSource(
  sampler: Sampler,
  spec: NetworkSpec,
  inputNorm2: number,
  seed: number,
  backend: Backend,
): ReplicaSource {
  if (sampler === 'direct' || sampler === 'conditional') {
    return kernelSource(sampler, spec, inputNorm2, seed, backend);
  }
  return chainSource(sampler, spec, inputNorm2, seed, backend);
}

/** Kernels of one input by a sampler of matrices. */
function kernelSource(
  sampler: KernelSampler,
  spec: NetworkSpec,
  inputNorm2: number,
  seed: number,
  backend: Backend,
): ReplicaSource {
  const task = {
    sampler,
    widths: spec.widths,
    law: lawOf(spec),
    // The law depends on the norm of the input alone.
    x: new Float64Array(spec.inputDim).fill(Math.sqrt(inputNorm2) / Math.sqrt(spec.inputDim)),
    n: 1,
    form: 'trace' as const,
    terms: [termsOf(spec)],
    seed,
  };
  const time = replicaNanoseconds(sampler, spec, 1, 'trace');
  return {
    shares: planShares(false),
    chunk: Math.min(65_536, Math.max(16, Math.round((CHUNK_NS * replicasAtOnce(backend.name, 1)) / time))),
    async sample(first, count, run) {
      const { kernels, exponents } = await backend.sampleKernels({ ...task, first, count }, run);
      return {
        thetas: kernels,
        exponents,
        weights: new Float64Array(count).fill(1),
        weightExponents: new Int32Array(count),
        parts: new Uint8Array(count),
      };
    },
  };
}

/** The number of replicas in a job of a queue: a function of the net alone, because equal jobs have equal ids. */
export function replicasOfJob(sampler: Sampler, spec: NetworkSpec): number {
  const time =
    sampler === 'direct' || sampler === 'conditional'
      ? replicaNanoseconds(sampler, spec, 1, 'trace')
      : CHAIN_LAYER_NS * (spec.depth + 1);
  return Math.max(2, Math.round(JOB_NS / time));
}

/** The time of a job on one thread. */
const JOB_NS = 2e9;
/** The time of a layer of the scalar chain (measured). */
const CHAIN_LAYER_NS = 100;

/** Work that is asked for at once. */
const CHUNK_NS = 3e8;

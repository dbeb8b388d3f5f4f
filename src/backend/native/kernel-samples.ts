import { allocated } from '../../errors';
import { entriesOf, type KernelForm } from '../forms';
import { effectiveLaw, gramOfInputs, scaleInputs } from '../kernel-samples';
import {
  KERNEL_SAMPLERS,
  type KernelReplicas,
  type KernelSampleTask,
  type KernelTerms,
  type RunOptions,
} from '../seam';
import type { Addon, KernelSamplesArguments } from './addon';
import { runJob } from './job';

const FORMS: readonly KernelForm[] = ['trace', 'full', 'diagonal', 'sum-of-logits'];

/** Replicas of kernels in a job of the addon; the arguments are those of native/addon/kernel_samples.cpp. */
export async function sampleKernels(
  addon: Addon,
  task: KernelSampleTask,
  run: RunOptions,
): Promise<KernelReplicas> {
  const { sampler, widths, n, form, terms, seed, first, count, law } = task;
  const { x, exponent } = scaleInputs(task);
  const sets = count * terms.length;
  const result = {
    kernels: zeros(sets * n * n * entriesOf({ form, network: task })),
    exponents: new Int32Array(sets),
  };
  const joined = (name: 'weights' | 'biases'): Float64Array =>
    Float64Array.from(terms.flatMap((set: KernelTerms) => [...set[name]]));
  const joinedExponents = (name: 'weightExponents' | 'biasExponents'): Int32Array =>
    Int32Array.from(terms.flatMap((set: KernelTerms) => [...set[name]]));
  const job: KernelSamplesArguments = {
    sampler: KERNEL_SAMPLERS.indexOf(sampler),
    widths,
    n,
    form: FORMS.indexOf(form),
    sets: terms.length,
    weightTerms: joined('weights'),
    weightExponents: joinedExponents('weightExponents'),
    biasTerms: joined('biases'),
    biasExponents: joinedExponents('biasExponents'),
    seed,
    first,
    count,
    threads: run.threads,
    inputs: sampler === 'conditional' ? gramOfInputs(x, n) : x,
    inputExponent: exponent,
    ...law,
    ...effectiveLaw(law),
    ...result,
  };
  return runJob((listener) => addon.startKernelSamples(job, listener), result, run, sampleKernels);
}

function zeros(length: number): Float64Array {
  return allocated(`a result of ${length} numbers`, () => new Float64Array(length));
}

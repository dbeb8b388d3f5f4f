/** What a benchmark is made of; the suites stand beside this file. */
import type { BackendName, Precision } from '../../backend/seam';
import { availableBackends, backendInfo } from '../../backend/choose';
import type { NdArray } from '../../ndarray';

/** `quick` for `deepntk bench`, all of it within a minute; `full` for `npm run bench`. */
export type SuiteSize = 'quick' | 'full';

/** One way of doing the same work. */
export interface Variant {
  readonly backend: BackendName;
  readonly precision: Precision;
  readonly threads: number;
}

/** A piece of work, and the ways of doing it that are compared. */
export interface BenchCase {
  /** What distinguishes it from the other cases of its suite: "N=100 L=20 M=300 K=10". */
  readonly title: string;
  /** Of what a run makes so many: its time is divided by that. */
  readonly unit: 'kernel' | 'Jacobian' | 'replica' | 'step' | 'start';
  readonly unitsPerRun: number;
  /** Floating-point operations of the dense algorithm in a run; null where they are not what counts. */
  readonly flops: number | null;
  readonly variants: readonly Variant[];
  /** False where no backend is used, and there is one variant. */
  readonly usesBackend?: false;
  /** Does the work. Its numbers are compared with those of the first variant before any time is taken. */
  readonly compute: (variant: Variant, signal?: AbortSignal) => Promise<ArrayLike<number>>;
  /** The largest difference from the first variant's numbers, relative to the largest of them. */
  readonly tolerance: Readonly<Record<Precision, number>>;
}

export interface Suite {
  readonly name: string;
  readonly cases: (size: SuiteSize) => readonly BenchCase[];
}

export interface VariantChoice {
  /** Mixed precision too, where it is another. */
  readonly mixed?: boolean;
  /** The work takes TypeScript long: it is run on all threads only. */
  readonly heavy?: boolean;
}

/** Every backend that loads, the fastest first, on one thread and on all; a GPU has no threads to choose. */
export function variantsHere({ mixed = false, heavy = false }: VariantChoice = {}): Variant[] {
  const most = backendInfo().threads;
  const counts = most > 1 ? [1, most] : [1];
  return availableBackends().flatMap((backend) => {
    const precisions: Precision[] = mixed && backend !== 'typescript' ? ['float64', 'mixed'] : ['float64'];
    const threadCounts =
      backend === 'cuda' || (heavy && backend === 'typescript') ? counts.slice(-1) : counts;
    return precisions.flatMap((precision) =>
      threadCounts.map((threads) => ({ backend, precision, threads })),
    );
  });
}

/** 28 x 28 pixels, as MNIST has. */
export const INPUT_DIM = 784;

/** n non-negative inputs with a common part and many zeros, as images have; the same bits on every machine. */
export function imageLikeInputs(n: number, size = INPUT_DIM): NdArray<Float64Array> {
  const data = new Float64Array(n * size);
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = Math.max(0, state / 2 ** 32 - 0.5) + (i % size === 0 ? 0.1 : 0);
  }
  return { data, shape: [n, size] };
}

/** How products with a kernel that is not stored are computed: blocks, what stays in memory, directions at once. */
import { featureFlops, featureSlots, productFlops } from '../backend/features';
import { chainsOf } from '../backend/forms';
import { largestOf } from '../backend/layers';
import type { BackendName, FeatureShape, Precision } from '../backend/seam';
import { DeepntkError } from '../errors';
import { availableMemory, formatBytes } from '../memory';
import { GROUP, speedOf } from './plan';
import type { LargeOptions } from './inputs';

/** How products with a kernel that is not stored are computed, and what that takes. */
export interface ProductPlan {
  readonly backend: BackendName;
  readonly threads: number;
  readonly precision: Precision;
  readonly inputs: number;
  /** Inputs whose features are computed at a time, and whether those of all stay in memory. */
  readonly blockEdge: number;
  readonly blocks: number;
  readonly featuresKept: boolean;
  /** Directions in parameter space that are taken through the inputs at once. */
  readonly directionsAtOnce: number;
  /** Floating-point operations: of the features of all inputs, and of J v or J' u of one direction. */
  readonly flops: { readonly features: number; readonly direction: number };
  /** Bytes; `total` is the bound on the process. */
  readonly bytes: {
    readonly limit: number;
    readonly held: number;
    readonly features: number;
    readonly directions: number;
    /** Of whoever asks for the products: vectors, a basis. */
    readonly vectors: number;
    readonly scratch: number;
    readonly total: number;
  };
  /** What a model of this machine's speed expects: of the features of all inputs, and of one direction. */
  readonly seconds: { readonly features: number; readonly direction: number };
}

const MIB = 2 ** 20;
const RESERVE = 48 * MIB;
const BLOCK_EDGES = [2048, 1024, 512, 256];

/** The shape of the features that products take: deltas of every output, whichever kernel is wanted. */
export function productShape({ shape }: LargeOptions): FeatureShape {
  return { ...shape, form: 'trace' };
}

/**
 * @param directions how many are wanted at once
 * @param vectors bytes that whoever asks for the products takes
 * @throws DeepntkError `ERR_OUT_OF_MEMORY` where the limit is too low
 */
export function planProducts(
  where: string,
  large: LargeOptions,
  n: number,
  directions: number,
  vectors: number,
): ProductPlan {
  const shape = productShape(large);
  const { network, precision } = shape;
  const { threads } = large.request.run;
  const backend = large.request.backend.name;
  const held = process.memoryUsage.rss();
  const limit = large.memoryLimit ?? held + 0.75 * availableMemory();
  const real = precision === 'mixed' ? 4 : 8;
  const perInput = featureSlots(shape).perInput * real;
  const widest = largestOf(network.widths);
  const scratch =
    RESERVE +
    threads *
      (GROUP * widest * (16 + 16 * chainsOf(shape)) +
        8 * widest * widest +
        (backend === 'typescript' ? 24 : 4) * MIB) +
    4 * network.parameters.length;
  // One direction: P numbers, and again in float32 while they are multiplied in mixed precision.
  const direction = (precision === 'mixed' ? 12 : 8) * network.parameters.length;
  const input = 8 * network.widths[0]!;
  const left = limit - held - scratch - vectors;
  const edge = BLOCK_EDGES.find((candidate) => {
    const rows = Math.min(candidate, n);
    const usable = candidate === GROUP || candidate <= Math.ceil(n / GROUP) * GROUP;
    return usable && rows * (perInput + input) + direction <= left / 2;
  });
  if (edge === undefined) {
    const smallest = held + scratch + vectors + 2 * (Math.min(GROUP, n) * (perInput + input) + direction);
    throw new DeepntkError(
      'ERR_OUT_OF_MEMORY',
      `${where}: memoryLimit: expected at least ${formatBytes(smallest)} for this product (the process already holds ${formatBytes(held)}), got ${formatBytes(limit)}`,
    );
  }
  const blocks = Math.ceil(n / edge);
  const block = Math.min(edge, n) * perInput;
  const room = left - Math.min(edge, n) * input;
  const featuresKept = blocks * block + Math.min(directions, 4) * direction <= room;
  const features = featuresKept ? blocks * block : block;
  const directionsAtOnce = Math.max(1, Math.min(directions, Math.floor((room - features) / direction)));
  const { forward, backward } = featureFlops(shape);
  const speed = speedOf({ backend, threads }, precision);
  const forwardSpeed = speedOf({ backend, threads }, 'float64');
  const bytes = { limit, held, features, directions: directionsAtOnce * direction, vectors };
  return {
    backend,
    threads,
    precision,
    inputs: n,
    blockEdge: edge,
    blocks,
    featuresKept,
    directionsAtOnce,
    flops: { features: n * (forward + backward), direction: n * productFlops(shape) },
    bytes: {
      ...bytes,
      scratch: scratch + left - room,
      total: held + features + bytes.directions + vectors + scratch + left - room,
    },
    seconds: {
      features: n * (forward / forwardSpeed + backward / speed),
      direction: (n * productFlops(shape)) / speed,
    },
  };
}

/**
 * How the random numbers of a computation are addressed. Every number drawn is a function of (seed, replica, purpose,
 * layer, index) and of nothing else, so results do not depend on threads, on chunks or on what was drawn before.
 *
 * Philox key: the seed (low and high word). Philox counter: block index, purpose and layer, replica (low and high word).
 */

/** What a stream is used for; two purposes never share a random number. The numbers are part of the file contract. */
export const PURPOSE = {
  weights: 0,
  biases: 1,
  /** Gates and chi-squares of the scalar chain, and its output's normal as layer L+1. */
  chain: 2,
  /** The chain's normals that biases call for. */
  chainNoise: 3,
  /** The choices of the tilted sampler. */
  chainPath: 4,
  /** The conditional sampler's preactivations of a layer, and what is free of the derivatives by its activations. */
  conditionalForward: 5,
  conditionalBackward: 6,
} as const;

const LAYER_BITS = 24;

/** One stream of random numbers of one replica. */
export interface StreamKey {
  /** 0 .. 2^53 - 1 */
  readonly seed: number;
  /** 0 .. 2^53 - 1 */
  readonly replica: number;
  /** Purpose and layer in one word: see {@link streamOf}. */
  readonly stream: number;
}

/** The second word of the counter. `layer` is 1 .. L+1, at most 2^24 - 1. */
export function streamOf(purpose: number, layer: number): number {
  return ((purpose << LAYER_BITS) | layer) >>> 0;
}

/** The low and the high 32-bit word of a non-negative integer below 2^53. */
export function words(value: number): [low: number, high: number] {
  return [value >>> 0, Math.floor(value / 2 ** 32) >>> 0];
}

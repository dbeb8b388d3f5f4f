/** What the page and its workers say to each other. */
import type { ExploredNet } from './link';

export type Request = SampleRequest | DiagramRequest;

/** A histogram of the kernel of `net`, growing; the next request ends it. */
export interface SampleRequest {
  readonly kind: 'sample';
  readonly id: number;
  readonly net: ExploredNet;
  readonly replicas: number;
}

/** The diagram of all nets that differ from `net` in depth and sigma_w^2 alone. */
export interface DiagramRequest {
  readonly kind: 'diagram';
  readonly id: number;
  readonly net: ExploredNet;
  readonly pixels: { readonly width: number; readonly height: number };
  readonly weightVariances: readonly [low: number, high: number];
  /** Depth over width, on a logarithmic axis. */
  readonly lambdas: readonly [low: number, high: number];
  /** Dispersions between two colours, rising, and one more colour than there are of them: [red, green, blue], 0 .. 255. */
  readonly thresholds: readonly number[];
  readonly colours: readonly (readonly [number, number, number])[];
}

export type Reply = SampleReply | DiagramReply;

export interface SampleReply {
  readonly kind: 'sample';
  readonly id: number;
  readonly mean: number;
  readonly meanError: number;
  readonly dispersion: number;
  readonly dispersionError: number;
  readonly replicas: number;
  readonly done: boolean;
  /** log10(Theta / E Theta) at the edges of the bins. */
  readonly edges: Float64Array;
  readonly probability: Float64Array;
  /** The probability of what lies below the bins: in narrow, deep nets those with a dead layer. */
  readonly below: number;
  readonly secondMomentShare: Float64Array;
}

export interface DiagramReply {
  readonly kind: 'diagram';
  readonly id: number;
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, opacity; the top row first. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** Small nets and data on which theory really says three different things. */
import { createSpec, type NdArray, type NetworkSpec, type VerdictName } from '../../src/index';

/** 30 inputs of 20 features and three classes, the same ones always. */
export function smallData(n = 30, features = 20): { readonly x: NdArray; readonly labels: number[] } {
  const data = Float64Array.from({ length: n * features }, (_, i) => Math.sin(i * i) + 0.3 * Math.cos(7 * i));
  return { x: { data, shape: [n, features] }, labels: Array.from({ length: n }, (_, i) => i % 3) };
}

export interface Subject {
  readonly name: string;
  readonly spec: NetworkSpec;
  readonly answer: VerdictName;
  /** Which of spread, distance and kernel change keep their bounds. */
  readonly holds: readonly boolean[];
}

const net = (depth: number, width: number, weightVariance: number): NetworkSpec =>
  createSpec({ inputDim: 20, outputDim: 3, depth, width, weightVariance });

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'edge of chaos, wide and shallow',
    spec: net(1, 1000, 2),
    answer: 'describes',
    holds: [true, true, true],
  },
  {
    name: 'ordered and deep',
    spec: net(12, 150, 0.8),
    answer: 'initialization-only',
    holds: [true, true, false],
  },
  {
    name: 'chaotic and deep',
    spec: net(12, 60, 2.5),
    answer: 'does-not',
    holds: [false, false, false],
  },
];

import { fillNormals, log, uniform } from '../../src/random/normal';
import { PURPOSE, type StreamKey, streamOf } from '../../src/random/streams';

const key: StreamKey = { seed: 42, replica: 3, stream: streamOf(PURPOSE.weights, 1) };

function draw(count: number, stream: StreamKey = key, scale = 1, first = 0): Float64Array {
  const out = new Float64Array(count);
  fillNormals(out, stream, scale, first);
  return out;
}

test('log agrees with Math.log to 1e-15', () => {
  const arguments_ = [2 ** -53, 2 ** -52, 1e-10, 0.5, Math.SQRT1_2, 0.7071067811865476, 1 - 2 ** -53];
  for (let i = 1; i < 20_000; i++) arguments_.push(i / 20_000, 2 ** (-i / 400), 1 - 2 ** (-i / 400));
  const errors = arguments_.filter((u) => u > 0 && u < 1).map((u) => Math.abs(log(u) / Math.log(u) - 1));
  expect(errors.length).toBeGreaterThan(50_000);
  expect(Math.max(...errors)).toBeLessThan(1e-15);
});

test('uniforms lie strictly between 0 and 1', () => {
  expect(uniform(0, 0)).toBe(2 ** -53);
  expect(uniform(2 ** 32 - 1, 2 ** 32 - 1)).toBe(1 - 2 ** -53);
  expect(uniform(2 ** 31, 0)).toBe(0.5 + 2 ** -53);
});

test('a longer draw begins with a shorter one, of even and of odd length', () => {
  const long = draw(101);
  for (const length of [0, 1, 2, 7, 100]) expect(draw(length)).toEqual(long.slice(0, length));
});

test('`first` enters the stream in the middle', () => {
  const long = draw(100);
  expect(draw(33, key, 1, 40)).toEqual(long.slice(40, 73));
});

test('`scale` multiplies', () => {
  expect(draw(9, key, 0.25)).toEqual(draw(9).map((value) => 0.25 * value));
});

test('seeds, replicas, purposes and layers give different numbers', () => {
  const streams: StreamKey[] = [
    key,
    { ...key, seed: 43 },
    { ...key, seed: 42 + 2 ** 32 },
    { ...key, replica: 4 },
    { ...key, replica: 3 + 2 ** 32 },
    { ...key, stream: streamOf(PURPOSE.biases, 1) },
    { ...key, stream: streamOf(PURPOSE.weights, 2) },
  ];
  const values = streams.flatMap((stream) => Array.from(draw(50, stream)));
  expect(new Set(values).size).toBe(values.length);
});

const SAMPLES = 100_000;

test('the first four moments, and the correlation of neighbours, are those of a standard normal', () => {
  const values = draw(SAMPLES);
  const mean = (f: (value: number, index: number) => number) =>
    values.reduce((sum, value, index) => sum + f(value, index), 0) / SAMPLES;
  // Five standard errors; the variance of x^p is E x^2p - (E x^p)^2 = 1, 2, 15, 96 for p = 1 .. 4.
  const error = (variance: number) => 5 * Math.sqrt(variance / SAMPLES);
  expect(Math.abs(mean((x) => x))).toBeLessThan(error(1));
  expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(error(2));
  expect(Math.abs(mean((x) => x ** 3))).toBeLessThan(error(15));
  expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(error(96));
  expect(Math.abs(mean((x, i) => x * (values[i ^ 1] ?? 0)))).toBeLessThan(error(1));
  // The two normals of a pair share a radius, so that their squares would betray a wrong angle.
  expect(Math.abs(mean((x, i) => (x * x - 1) * (values[i ^ 1]! ** 2 - 1)))).toBeLessThan(error(4 * 2));
});

describe('Kolmogorov-Smirnov distance to the normal distribution', () => {
  /** Exceeded with probability 0.001 by a sample of the right distribution. */
  const CRITICAL = 1.95;

  test('is that of a normal sample', () => {
    expect(distance(draw(SAMPLES))).toBeLessThan(CRITICAL);
    expect(distance(draw(SAMPLES, { ...key, seed: 7 }))).toBeLessThan(CRITICAL);
  });

  test('tells a sample that is off by 3 percent in scale or by 0.02 in place', () => {
    expect(distance(draw(SAMPLES, key, 1.03))).toBeGreaterThan(CRITICAL);
    expect(distance(draw(SAMPLES).map((value) => value + 0.02))).toBeGreaterThan(CRITICAL);
  });
});

/** sqrt(n) times the largest distance between the distribution function of a sample and that of a standard normal. */
function distance(sample: Float64Array): number {
  const sorted = sample.slice().sort();
  let largest = 0;
  sorted.forEach((value, index) => {
    const expected = normalDistribution(value);
    largest = Math.max(largest, expected - index / SAMPLES, (index + 1) / SAMPLES - expected);
  });
  return Math.sqrt(SAMPLES) * largest;
}

/** P(x < value), to 2e-7: Abramowitz and Stegun, formula 26.2.17. */
function normalDistribution(value: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(value));
  const density = Math.exp((-value * value) / 2) / Math.sqrt(2 * Math.PI);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = density * series;
  return value > 0 ? 1 - tail : tail;
}

/** Every public function once on every backend, with right arguments: none throws, and the backends give the same result. */
import { rmSync } from 'node:fs';
import * as deepntk from '../../src/index';
import * as report from '../../src/report';
import { testedBackends } from '../support/backends';
import { entries, folder } from './public-face';

afterAll(() => {
  deepntk.setBackend('auto');
  rmSync(folder, { recursive: true });
});

test('every exported function, and every method of Mlp, has an entry in public-face.ts', () => {
  const methods = (owner: object, prefix: string): string[] =>
    Object.getOwnPropertyNames(owner)
      .filter(
        (name) => typeof (owner as Record<string, unknown>)[name] === 'function' && name !== 'constructor',
      )
      .map((name) => prefix + name);
  const classes = ['DeepntkError', 'Mlp'];
  const functions = [...new Set([...methods(deepntk, ''), ...methods(report, '')])].filter(
    (name) => !classes.includes(name),
  );
  const { prototype } = deepntk.Mlp;
  const computations = Object.getPrototypeOf(prototype) as object;
  const expected = [
    ...functions,
    ...methods(deepntk.Mlp, 'Mlp.'),
    ...[prototype, computations].flatMap((owner) => methods(owner, 'Mlp#')),
  ];
  expect(Object.keys(entries('typescript')).sort()).toEqual(expected.sort());
});

/** Says what computed, and how long it took: other backends differ in it. */
const PROVENANCE = new Set(['backend', 'threads', 'seconds', 'core', 'file', 'bytes', 'residuals']);

/** Numbers as they are, and everything else as text that backends have in common; undefined where there is nothing to compare. */
type Comparable = number | string | boolean | null | readonly Comparable[];

function comparable(value: unknown): Comparable {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value.length > 200 ? 'a page' : value;
  if (typeof value !== 'object') return typeof value;
  if (value instanceof deepntk.Mlp) return comparable([value.spec, value.parameters]);
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as unknown as ArrayLike<unknown>, comparable);
  return Object.entries(value)
    .filter(([key]) => !PROVENANCE.has(key))
    .map(([key, entry]) => [key, comparable(entry)]);
}

/**
 * Backends may differ by rounding, which an iteration over a nearly singular matrix can enlarge: so by 1e-6 of the largest
 * number of a list, where a wrong coefficient or a swapped argument would differ by much more.
 */
function expectAlike(actual: Comparable, expected: Comparable, where: string): void {
  if (Array.isArray(expected) && Array.isArray(actual) && expected.every((x) => typeof x === 'number')) {
    expect([where, actual.length]).toEqual([where, expected.length]);
    const largest = Math.max(...expected.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 1e-9);
    expected.forEach((x, i) => {
      expectNumber((actual as number[])[i]!, x, largest, where);
    });
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    expect([where, actual.length]).toEqual([where, expected.length]);
    expected.forEach((x: Comparable, i) => {
      expectAlike(
        (actual as Comparable[])[i]!,
        x,
        typeof expected[0] === 'string' ? `${where}.${expected[0]}` : where,
      );
    });
  } else if (typeof expected === 'number') {
    expectNumber(actual as number, expected, Math.max(Math.abs(expected), 1e-3), where);
  } else {
    expect([where, actual]).toEqual([where, expected]);
  }
}

function expectNumber(actual: number, expected: number, scale: number, where: string): void {
  if (!Number.isFinite(expected)) expect([where, actual]).toEqual([where, expected]);
  else if (!(Math.abs(actual - expected) <= 1e-6 * scale))
    throw new Error(`${where}: ${actual} in place of ${expected}`);
}

/** What a call gives: of a stream, what comes last. */
async function resultOf(call: () => unknown): Promise<unknown> {
  const result = await call();
  if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return result;
  let last: unknown;
  for await (const estimate of result as AsyncIterable<unknown>) last = estimate;
  return last;
}

/** They report the backends themselves. */
const ABOUT_BACKENDS = new Set(['availableBackends', 'backendInfo', 'setBackend']);

describe.each(testedBackends())('%s backend', (backend) => {
  test.each(Object.entries(entries(backend)))('%s', async (name, { example, call }) => {
    deepntk.setBackend(backend);
    const result = await resultOf(async () => call(...((await example()) as never[])));
    if (ABOUT_BACKENDS.has(name)) return;
    deepntk.setBackend('typescript');
    const other = entries('typescript')[name]!;
    const expected = await resultOf(async () => other.call(...((await other.example()) as never[])));
    expectAlike(comparable(result), comparable(expected), name);
  });
});

/** Every public function, with every argument spoilt in every way: a DeepntkError or a result, and nothing else. */
import { rmSync } from 'node:fs';
import * as deepntk from '../../src/index';
import { testedBackends } from '../support/backends';
import { entries, type Entry, folder } from './public-face';

/** What getters and proxies throw. It may pass; a complaint about something else must not take its place. */
const THROWN = new Error('thrown by a getter');

/** Functions make them, because some can be used up. */
const HOSTILE: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  NaN: () => NaN,
  negative: () => -1,
  fraction: () => 0.5,
  huge: () => 1e308,
  text: () => '\0text',
  symbol: () => Symbol('symbol'),
  bigint: () => 10n,
  object: () => ({}),
  'object without prototype': () => Object.create(null) as object,
  list: () => [],
  'list of wrong types': () => [null, Symbol('symbol'), {}],
  'list of numbers': () => [3, 1, 4],
  'list with holes': () => new Array<number>(3),
  function: () => () => 1,
  'empty array': () => new Float64Array(0),
  'array of bytes': () => new Uint8Array(12),
  'array of bigints': () => new BigInt64Array(12),
  'NdArray of NaN': () => ({ data: new Float64Array(12).fill(NaN), shape: [4, 3] }),
  'NdArray of another length': () => ({ data: new Float64Array(5), shape: [4, 3] }),
  'NdArray of fractions': () => ({ data: new Float64Array(12), shape: [0.5, 24] }),
  'NdArray with a hostile shape': () => ({ data: new Float64Array(12), shape: [Symbol('symbol'), {}] }),
  'detached NdArray': () => ({ data: detached(), shape: [4, 3] }),
  detached,
  cyclic: () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    cycle['data'] = cycle;
    cycle['shape'] = [cycle];
    return cycle;
  },
  'throwing getters': () => {
    const throwing = {};
    for (const name of ['data', 'shape', 'x', 'seed', 'widths', 'length'])
      Object.defineProperty(throwing, name, {
        enumerable: true,
        get() {
          throw THROWN;
        },
      });
    return throwing;
  },
  'throwing proxy': () => new Proxy({}, throwingHandler()),
  'forged spec': () => Object.freeze({ widths: null, depth: 3 }),
  'forged net': () => Object.create(deepntk.Mlp.prototype) as object,
};

function detached(): Float64Array {
  const array = new Float64Array(12);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function throwingHandler(): ProxyHandler<object> {
  const fail = (): never => {
    throw THROWN;
  };
  return { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail };
}

type Path = readonly (string | number)[];

/** The places of plain objects and lists, which are what callers write; of lists the first entry stands for all. */
function placesOf(value: unknown, here: Path = []): Path[] {
  const deeper = (key: string | number, child: unknown): Path[] => placesOf(child, [...here, key]);
  if (here.length > 4) return [here];
  if (Array.isArray(value)) return [here, ...(value.length > 0 ? deeper(0, value[0]) : [])];
  const plain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!plain || Object.isFrozen(value)) return [here];
  return [here, ...Object.entries(value).flatMap(([key, child]) => deeper(key, child))];
}

function replaceAt(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const child = replaceAt((value as Record<string, unknown>)[key], rest, by);
  if (!Array.isArray(value)) return { ...(value as object), [key]: child };
  return value.map((entry: unknown, i) => (i === key ? child : entry));
}

/** Null where the outcome is a result, or an error that deepntk means. */
async function complaintOf({ call }: Entry, args: readonly unknown[]): Promise<string | null> {
  try {
    const result = await call(...(args as never[]));
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result)
      for await (const estimate of result as AsyncIterable<unknown>) expect(estimate).toBeDefined();
    return null;
  } catch (error) {
    if (error === THROWN || (error instanceof deepntk.DeepntkError && error.code.startsWith('ERR_')))
      return null;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each(testedBackends())('%s backend', (backend) => {
  const all = Object.entries(entries(backend));
  const tested = backend === 'typescript' ? all : all.filter(([, entry]) => entry.onBackend);

  test.each(tested)('%s', async (name, entry) => {
    const right = await entry.example();
    expect([name, await complaintOf(entry, right)]).toEqual([name, null]);
    const places = right.flatMap((argument, i) =>
      entry.opaque && i === 0 ? [[0]] : placesOf(argument, [i]),
    );
    const complaints: string[] = [];
    for (const place of places) {
      for (const [kind, make] of Object.entries(HOSTILE)) {
        const complaint = await complaintOf(entry, replaceAt(right, place, make()) as unknown[]);
        if (complaint !== null) complaints.push(`${place.join('.')} = ${kind}: ${complaint}`);
      }
    }
    expect(complaints).toEqual([]);
  });
});

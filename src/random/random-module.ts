/**
 * Philox and Box and Muller's transform in WebAssembly. JavaScript has to make a 64-bit product of four smaller ones, and
 * has no two lanes; WebAssembly has both. The words are those of philox.ts, the normals those of normal.ts, bit for bit.
 */
import * as assembler from './assembler';
import { type Code, f64x2, get, i32, i64, i64x2, set, TYPE, v128 } from './assembler';
import { COSINE, LN2, LOG, SINE } from './polynomials';

export interface RandomExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Writes `count` >= 1 blocks from byte `at` on; the i-th has the counter (index + i indexStep, stream + i streamStep, ..). */
  readonly draw: (
    at: number,
    count: number,
    index: number,
    stream: number,
    replica0: number,
    replica1: number,
    key0: number,
    key1: number,
    indexStep: number,
    streamStep: number,
  ) => void;
  /** Turns `pairs` >= 1 pairs of blocks from byte `at` on into two normals a block, where they are. */
  readonly boxMuller: (at: number, pairs: number) => void;
}

/** The part of the JavaScript interface that is used here. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** Bytes of the module's memory. */
export const MEMORY_BYTES = 65_536;

/** Null where the host has no WebAssembly, or one without vectors, or forbids it. */
export function instantiateRandomModule(): RandomExports | null {
  const host = (globalThis as { WebAssembly?: WebAssemblyInterface }).WebAssembly;
  if (host === undefined) return null;
  try {
    return new host.Instance(new host.Module(moduleBytes())).exports as RandomExports;
  } catch {
    return null;
  }
}

function moduleBytes(): Uint8Array {
  const { i32: word, i64: wide, v128: two } = TYPE;
  return assembler.assembleModule([
    { name: 'draw', parameters: 10, locals: [wide, wide, wide, wide, word, word], code: drawCode() },
    { name: 'boxMuller', parameters: 2, locals: new Array<number>(9).fill(two), code: boxMullerCode() },
  ]);
}

function increase(local: number, by: Code): Code {
  return set(local, i32.add(get(local), by));
}

/** Repeats the body as often as the local says. */
function repeat(count: number, body: Code): Code {
  return assembler.repeatWhile([...body, ...increase(count, i32.constant(-1))], get(count));
}

/** The rounds of philox.ts, unrolled. */
function drawCode(): Code {
  const [at, count, index, stream, replica0, replica1, key0, key1, indexStep, streamStep] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ] as const;
  const [c0, c2, product0, product1, c1, c3] = [10, 11, 12, 13, 14, 15] as const;
  const high = (product: number): Code => i32.wrap(i64.shiftRightUnsigned(get(product), i64.constant(32n)));
  const low = (product: number): Code => i32.wrap(get(product));
  const rounds = Array.from({ length: 10 }, (_, round) => {
    const roundKey0 = i32.add(get(key0), i32.constant(Math.imul(round, 0x9e3779b9)));
    const roundKey1 = i32.add(get(key1), i32.constant(Math.imul(round, 0xbb67ae85)));
    return [
      ...set(product0, i64.multiply(get(c0), i64.constant(0xd2511f53n))),
      ...set(product1, i64.multiply(get(c2), i64.constant(0xcd9e8d57n))),
      ...set(c0, i64.extendUnsigned(i32.xor(i32.xor(high(product1), get(c1)), roundKey0))),
      ...set(c1, low(product1)),
      ...set(c2, i64.extendUnsigned(i32.xor(i32.xor(high(product0), get(c3)), roundKey1))),
      ...set(c3, low(product0)),
    ];
  });
  return repeat(count, [
    ...set(c0, i64.extendUnsigned(get(index))),
    ...set(c1, get(stream)),
    ...set(c2, i64.extendUnsigned(get(replica0))),
    ...set(c3, get(replica1)),
    ...rounds.flat(),
    ...i64.store32(get(at), get(c0), 0),
    ...i32.store(get(at), get(c1), 4),
    ...i64.store32(get(at), get(c2), 8),
    ...i32.store(get(at), get(c3), 12),
    ...increase(at, i32.constant(16)),
    ...increase(index, get(indexStep)),
    ...increase(stream, get(streamStep)),
  ]);
}

const { constant, add, subtract, multiply } = f64x2;

/** The steps of native/core/box_muller.hpp, which has no branches either; one lane a block. */
function boxMullerCode(): Code {
  const [at, pairs] = [0, 1] as const;
  const [first, second, bits, u, s, z, radius, sine, cosine] = [2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
  const [whole, rest, quadrant, swap] = [u, s, bits, first] as const; // by then these are free
  const one = 0x3ff00000_00000000n;
  const sqrtHalf = 0x3fe6a09e_00000000n;
  const twoTo52 = 0x43300000_00000000n;
  // Words (w0, w1) lie in a lane as w0 + 2^32 w1; u takes w0 2^20 + floor(w1 / 2^12) as its mantissa.
  const uniform = (lanes: Code): Code => {
    const top = i64x2.shiftRightUnsigned(i64x2.shiftLeft(lanes, 32), 12);
    const mantissa = v128.or(v128.or(top, i64x2.shiftRightUnsigned(lanes, 44)), i64x2.constant(one));
    return add(subtract(mantissa, constant(1)), constant(2 ** -53));
  };
  const exponent = v128.or(i64x2.shiftRightUnsigned(get(bits), 52), i64x2.constant(twoTo52));
  const f = subtract(
    i64x2.add(v128.and(get(bits), i64x2.constant(0x000fffff_ffffffffn)), i64x2.constant(sqrtHalf)),
    constant(1),
  );
  const log = add(
    multiply(subtract(exponent, constant(2 ** 52 + 0x3ff)), constant(LN2)),
    add(multiply(constant(2), get(s)), multiply(get(s), multiply(get(z), horner(LOG, z)))),
  );
  const parity = v128.and(get(quadrant), i64x2.constant(1n));
  const half = i64x2.shiftRightUnsigned(get(quadrant), 1);
  const cosineSign = i64x2.shiftLeft(v128.xor(get(quadrant), half), 63);
  const sineSign = i64x2.shiftLeft(half, 63);
  const normal = (side: Code, sign: Code): Code => multiply(get(radius), v128.xor(side, sign));
  return repeat(pairs, [
    ...set(first, v128.load(get(at), 0)),
    ...set(second, v128.load(get(at), 16)),
    ...set(bits, v128.lows(get(first), get(second))),
    ...set(second, v128.highs(get(first), get(second))),
    // radius = sqrt(-2 log u)
    ...set(u, uniform(get(bits))),
    ...set(bits, i64x2.add(get(u), i64x2.constant(one - sqrtHalf))),
    ...set(z, f),
    ...set(s, f64x2.divide(get(z), add(constant(2), get(z)))),
    ...set(z, multiply(get(s), get(s))),
    ...set(radius, f64x2.sqrt(multiply(constant(-2), log))),
    // The angle in quarter turns, split into the nearest whole number and a rest in [-1/2, 1/2].
    ...set(rest, multiply(constant(4), uniform(get(second)))),
    ...set(whole, f64x2.floor(add(get(rest), constant(0.5)))),
    ...set(rest, subtract(get(rest), get(whole))),
    ...set(z, multiply(get(rest), get(rest))),
    ...set(sine, multiply(get(rest), horner(SINE, z))),
    ...set(cosine, add(constant(1), multiply(get(z), horner(COSINE, z)))),
    ...set(quadrant, add(get(whole), constant(2 ** 52))), // in the lowest bits
    ...set(swap, i64x2.subtract(i64x2.constant(0n), parity)),
    ...set(second, normal(v128.select(get(sine), get(cosine), get(swap)), cosineSign)),
    ...set(sine, normal(v128.select(get(cosine), get(sine), get(swap)), sineSign)),
    ...v128.store(get(at), v128.lows(get(second), get(sine)), 0),
    ...v128.store(get(at), v128.highs(get(second), get(sine)), 16),
    ...increase(at, i32.constant(32)),
  ]);
}

/** c_0 + z (c_1 + z (c_2 + ...)) */
function horner([first, ...others]: readonly number[], z: number): Code {
  if (others.length === 0) return constant(first);
  return add(constant(first), multiply(get(z), horner(others, z)));
}

/**
 * As much of an assembler for WebAssembly as random-module.ts needs: code is a list of bytes, an instruction with its
 * operands before it. Names are those of the WebAssembly specification, sections "Instructions" and "Binary Format".
 */

export type Code = readonly number[];

export const TYPE = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

const END = 0x0b;

export const get = (local: number): Code => [0x20, local];
export const set = (local: number, value: Code): Code => [...value, 0x21, local];

const binary =
  (...opcode: number[]) =>
  (a: Code, b: Code): Code => [...a, ...b, ...opcode];
const unary =
  (...opcode: number[]) =>
  (a: Code): Code => [...a, ...opcode];
const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(BigInt(value | 0))],
  add: binary(0x6a),
  subtract: binary(0x6b),
  xor: binary(0x73),
  /** The low 32 bits of an i64. */
  wrap: unary(0xa7),
  store: (at: Code, value: Code, offset: number): Code => [...at, ...value, 0x36, 2, offset],
};

export const i64 = {
  constant: (value: bigint): Code => [0x42, ...signed(value)],
  multiply: binary(0x7e),
  shiftRightUnsigned: binary(0x88),
  extendUnsigned: unary(0xad),
  store32: (at: Code, value: Code, offset: number): Code => [...at, ...value, 0x3e, 2, offset],
};

/** Two numbers at once. */
export const f64x2 = {
  constant: (value: number): Code => i64x2.constant(new BigUint64Array(new Float64Array([value]).buffer)[0]),
  add: binary(...vector(0xf0)),
  subtract: binary(...vector(0xf1)),
  multiply: binary(...vector(0xf2)),
  divide: binary(...vector(0xf3)),
  sqrt: unary(...vector(0xef)),
  floor: unary(...vector(0x75)),
};

export const i64x2 = {
  constant: (value: bigint): Code => {
    const bytes = new Uint8Array(new BigUint64Array([value, value]).buffer);
    return [...vector(0x0c), ...bytes];
  },
  add: binary(...vector(0xce)),
  subtract: binary(...vector(0xd1)),
  shiftLeft: (a: Code, bits: number): Code => [...a, ...i32.constant(bits), ...vector(0xcb)],
  shiftRightUnsigned: (a: Code, bits: number): Code => [...a, ...i32.constant(bits), ...vector(0xcd)],
};

export const v128 = {
  load: (at: Code, offset: number): Code => [...at, ...vector(0x00), 4, offset],
  store: (at: Code, value: Code, offset: number): Code => [...at, ...value, ...vector(0x0b), 4, offset],
  and: binary(...vector(0x4e)),
  or: binary(...vector(0x50)),
  xor: binary(...vector(0x51)),
  /** The bits of `a` where the mask's are 1, else those of `b`. */
  select: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...vector(0x52)],
  /** The low halves of both, or the high ones. */
  lows: (a: Code, b: Code): Code => [...a, ...b, ...vector(0x0d), ...from(0, 8), ...from(16, 8)],
  highs: (a: Code, b: Code): Code => [...a, ...b, ...vector(0x0d), ...from(8, 8), ...from(24, 8)],
};

/** Runs the body once, and again as long as what it ends in is not 0. */
export function repeatWhile(body: Code, condition: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, END];
}

/** Without results; the parameters are i32, and the locals after them of the types given. */
export interface ModuleFunction {
  readonly name: string;
  readonly parameters: number;
  readonly locals: readonly number[];
  readonly code: Code;
}

/** A module that exports its functions and one page of memory, named `memory`. */
export function assembleModule(functions: readonly ModuleFunction[]): Uint8Array {
  const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
  const sized = (code: Code): Code => [...unsigned(code.length), ...code];
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(list(items))];
  const name = (ascii: string): Code => sized(Array.from(ascii, (character) => character.charCodeAt(0)));
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      functions.map(({ parameters }) => [0x60, ...list(new Array<Code>(parameters).fill([TYPE.i32])), 0]),
    ),
    ...section(
      3,
      functions.map((_, i) => [i]),
    ),
    ...section(5, [[1, 1, 1]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      ...functions.map((exported, i) => [...name(exported.name), 0, i]),
    ]),
    ...section(
      10,
      functions.map(({ locals, code }) => sized([...list(locals.map((type) => [1, type])), ...code, END])),
    ),
  ]);
}

function from(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
  const low = Number(value & 127n);
  const rest = value >> 7n;
  const last = low & 64 ? rest === -1n : rest === 0n;
  return last ? [low] : [low | 128, ...signed(rest)];
}

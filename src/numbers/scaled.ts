/**
 * Non-negative numbers with an exponent of their own, value * 2^exponent, for results that no double can hold: the
 * moments of a net of 100,000 layers. Loops do not use them; they rescale plain numbers by `SCALE` now and then.
 */
export interface Scaled {
  /** 0, or within the range of normal doubles. */
  readonly value: number;
  readonly exponent: number;
}

/** What loops divide by when a number has grown past it; its square is far from overflow. */
export const SCALE = 2 ** 256;
export const SCALE_EXPONENT = 256;

export const ZERO: Scaled = { value: 0, exponent: 0 };
export const ONE: Scaled = { value: 1, exponent: 0 };

export function scaled(value: number, exponent = 0): Scaled {
  return { value, exponent };
}

export function add(a: Scaled, b: Scaled): Scaled {
  if (a.value === 0) return b;
  if (b.value === 0) return a;
  const [large, small] = a.exponent >= b.exponent ? [a, b] : [b, a];
  // Equal exponents are the common case, and exact. Others are brought into reach of each other first.
  if (large.exponent === small.exponent) return normalized(large.value + small.value, large.exponent);
  const top = Math.max(exponentOf(large), exponentOf(small));
  return normalized(shift(large, top) + shift(small, top), top);
}

export function multiply(a: Scaled, b: Scaled): Scaled {
  const [x, y] = [normalized(a.value, a.exponent), normalized(b.value, b.exponent)];
  return normalized(x.value * y.value, x.exponent + y.exponent);
}

export function divide(a: Scaled, b: Scaled): Scaled {
  const [x, y] = [normalized(a.value, a.exponent), normalized(b.value, b.exponent)];
  return normalized(x.value / y.value, x.exponent - y.exponent);
}

/** The number as a double: Infinity or 0 where it is out of range. */
export function toNumber({ value, exponent }: Scaled): number {
  let result = value;
  let rest = exponent;
  for (; rest > 1000 && Number.isFinite(result); rest -= 1000) result *= 2 ** 1000;
  // One rounding at most: results stay normal until the last factor.
  for (; rest < -1000 && result !== 0 && Number.isFinite(result); rest += 1000) result *= 2 ** -1000;
  return result === 0 || !Number.isFinite(result)
    ? result
    : result * 2 ** Math.max(-1074, Math.min(1000, rest));
}

/** The natural logarithm; -Infinity for 0. */
export function log({ value, exponent }: Scaled): number {
  return Math.log(value) + exponent * Math.LN2;
}

/** log(1 + a), to full relative precision where a is small. */
export function log1p(a: Scaled): number {
  const plain = toNumber(a);
  return plain < 2 ** 60 ? Math.log1p(plain) : log(a);
}

function exponentOf({ value, exponent }: Scaled): number {
  return exponent + Math.floor(Math.log2(value));
}

function shift({ value, exponent }: Scaled, target: number): number {
  return toNumber({ value, exponent: exponent - target });
}

/** Keeps values within 2^-200 .. 2^200, so that a product or a sum of two cannot leave the range of doubles. */
function normalized(value: number, exponent: number): Scaled {
  if (value === 0) return ZERO;
  if (value > 2 ** -200 && value < 2 ** 200) return { value, exponent };
  const by = Math.floor(Math.log2(value));
  return { value: toNumber({ value, exponent: -by }), exponent: exponent + by };
}

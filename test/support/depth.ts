/**
 * How many replicas and generated cases the statistical and property tests take, as a multiple of their own numbers:
 * DEEPNTK_TEST_DEPTH, 1 by default. `npm run test:deep` sets it high (test/deep.env).
 */
const depth = Number(process.env['DEEPNTK_TEST_DEPTH'] ?? 1);
if (!(depth > 0 && Number.isFinite(depth)))
  throw new Error(
    `DEEPNTK_TEST_DEPTH: expected a number > 0, got ${JSON.stringify(process.env['DEEPNTK_TEST_DEPTH'])}`,
  );

/** `count` at the depth asked for: at least 1, a whole number. */
export function atDepth(count: number): number {
  return Math.max(1, Math.round(count * depth));
}

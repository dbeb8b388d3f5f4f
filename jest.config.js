'use strict';

/**
 * The tests are written against src/ (that is what the type checker reads) and run against dist/, so that what is
 * tested is what is shipped: the compiled worker file, the addon's loader and its relative paths.
 *
 * A file's name determines its tier: NAME.test.ts is in the default tier, NAME.TIER.test.ts in the tier TIER. Each tier is a jest
 * project: jest --selectProjects default.
 */
const TIERS = ['default', 'full', 'deep', 'timing'];

const common = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  moduleNameMapper: { '^(?:\\.\\.?/)+src/(.*)$': '<rootDir>/dist/$1' },
  // Tests run in a vm context, where a look-up of a global is slow: 200 times slower for the random numbers' Math.imul.
  sandboxInjectedGlobals: ['Math'],
};

module.exports = {
  projects: TIERS.map((tier) => ({
    ...common,
    displayName: tier,
    testRegex: tier === 'default' ? '/[^/.]+\\.test\\.ts$' : `\\.${tier}\\.test\\.ts$`,
  })),
  // One more than jest's choice: some tests wait for processes of their own most of the time.
  maxWorkers: '100%',
  // A guard against a test that hangs, not a measure.
  testTimeout: 300_000,
};

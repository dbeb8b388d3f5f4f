'use strict';

/**
 * The tests are written against src/ (that is what the type checker reads) and run against dist/, so that what is
 * tested is what is shipped: the compiled worker file, the addon's loader and its relative paths.
 *
 * A file's name says its tier: NAME.test.ts is in the default tier, NAME.TIER.test.ts in the tier named. Each tier is a jest
 * project: jest --selectProjects default.
 */
/** The time limit of one test, in milliseconds: a guard against a test that hangs, not a measure. */
const TIERS = { default: 60_000, full: 120_000, deep: 600_000, timing: 300_000 };

const common = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  moduleNameMapper: { '^(?:\\.\\.?/)+src/(.*)$': '<rootDir>/dist/$1' },
  // Tests run in a vm context, where a look-up of a global is slow: 200 times slower for the random numbers' Math.imul.
  sandboxInjectedGlobals: ['Math'],
};

module.exports = {
  projects: Object.entries(TIERS).map(([tier, testTimeout]) => ({
    ...common,
    displayName: tier,
    testTimeout,
    testRegex: tier === 'default' ? '/[^/.]+\\.test\\.ts$' : `\\.${tier}\\.test\\.ts$`,
  })),
  // One more than jest's choice: some tests wait for processes of their own most of the time.
  maxWorkers: '100%',
};

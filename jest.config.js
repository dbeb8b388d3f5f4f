'use strict';

/**
 * The tests are written against src/ (that is what the type checker reads) and run against dist/, so that what is
 * tested is what is shipped: the compiled worker file, the addon's loader and its relative paths.
 */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/package/'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  moduleNameMapper: { '^(?:\\.\\.?/)+src/(.*)$': '<rootDir>/dist/$1' },
  // Tests run in a vm context, where looking up a global is slow: 200 times slower for the random numbers' Math.imul.
  sandboxInjectedGlobals: ['Math'],
  testTimeout: 60_000,
  // One more than jest's choice: some tests wait for processes of their own most of the time.
  maxWorkers: '100%',
};

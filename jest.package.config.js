'use strict';

/** The package as strangers install it: needs the registry, so it is not part of `npm test`. */
module.exports = {
  ...require('./jest.config.js'),
  roots: ['<rootDir>/test/package'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300_000,
};

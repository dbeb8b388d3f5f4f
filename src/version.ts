/** The version of this package, the same as in package.json: `npm version` sets both (scripts/version.js). */
export const VERSION = '0.1.0';

/** The same, by the name of the public face. */
export { VERSION as version };

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of this package, as in package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string }
).version;

/** The same, by the name of the public face. */
export { VERSION as version };

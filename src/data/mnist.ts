/** Inputs for kernels from MNIST-like files: so many digits of each class, in class order. */
import { expectInteger, expectOptions, invalidArgument } from '../errors';
import { type ResultArray, resultArray } from '../ndarray';
import { invalidFile } from './files';
import { readIdx } from './idx';

const CLASSES = 10;

/** Which images {@link loadMnist} reads. */
export interface MnistOptions {
  /** Path of the IDX file of images (n x rows x columns, unsigned bytes), plain or gzipped. */
  readonly images: string;
  /** Path of the IDX file of their n labels, 0 to 9. */
  readonly labels: string;
  /** How many images of each of the ten classes: the first ones in the file. */
  readonly perClass: number;
}

/** Inputs with their classes. */
export interface LabelledInputs {
  /** (10 perClass) x (rows columns); pixels from 0 to 1. Class 0 comes first. */
  readonly x: ResultArray;
  /** The class of each row. */
  readonly labels: number[];
}

/**
 * Takes the first `perClass` images of every class, class by class.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` where a file is no such IDX file, images and labels differ in number, a label
 *   is above 9, or a class has fewer images; `ERR_INVALID_ARGUMENT` where an option is not as described
 * @example await loadMnist({ images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte', perClass: 10 })
 */
export async function loadMnist(options: MnistOptions): Promise<LabelledInputs> {
  expectOptions('loadMnist', options, ['images', 'labels', 'perClass']);
  const perClass = expectInteger('loadMnist: perClass', options.perClass);
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

  const chosen = firstOfEachClass(labels.data, perClass, labelsPath);
  const pixels = images.shape[1]! * images.shape[2]!;
  const data = new Float64Array(chosen.length * pixels);
  chosen.forEach((image, row) => {
    data.set(
      Float64Array.from(images.data.subarray(image * pixels, (image + 1) * pixels), (byte) => byte / 255),
      row * pixels,
    );
  });
  return {
    x: resultArray({ data, shape: [chosen.length, pixels] }),
    labels: chosen.map((image) => labels.data[image]!),
  };
}

/** Positions of the first `perClass` labels of class 0, then of class 1, ... */
function firstOfEachClass(labels: Uint8Array, perClass: number, name: string): number[] {
  const positions = Array.from({ length: CLASSES }, (): number[] => []);
  labels.forEach((label, position) => {
    const ofClass = positions[label];
    if (ofClass === undefined) {
      throw invalidFile(`${name}: label ${position}`, `a class from 0 to ${CLASSES - 1}`, `${label}`);
    }
    if (ofClass.length < perClass) ofClass.push(position);
  });
  positions.forEach((ofClass, label) => {
    if (ofClass.length < perClass) {
      throw invalidFile(`${name}: class ${label}`, `at least ${perClass} images`, `${ofClass.length}`);
    }
  });
  return positions.flat();
}

function expectPath(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidArgument(where, 'the path of a file', value);
  return value;
}

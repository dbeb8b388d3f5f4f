/** The digits of the training study. */
import { oneHot, takeRows } from '../../data/classes';
import { findMnist, type LabelledInputs, loadMnist, mnistPackage } from '../../data/mnist';
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
  const folder =
    data ?? mnistPackage('name a folder with the four IDX files: --data FOLDER, { data: folder }');
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

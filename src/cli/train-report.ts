/** What `deepntk train` says at the end. */
import { join } from 'node:path';

import { writeFileAtomically } from '../data/files';
import type { TrainResult } from '../training/train';
import { figures, printJson, printTable, seconds } from './output';
import type { KernelRow } from './train-files';

export interface RunFacts {
  readonly out: string;
  readonly json: boolean;
  readonly seconds: number;
  readonly resumedFrom: number | null;
  readonly samples: number;
  /** Names of the features and classes, in the order of the net. */
  readonly columns: readonly string[] | null;
  readonly classes: readonly string[] | null;
  /** How each file was understood. */
  readonly loaded: readonly object[];
}

/** Writes result.json, and prints it or a table. */
export async function reportTraining(
  { losses, evaluations, steps, seed, backend, core, threads, version }: TrainResult,
  kernels: readonly KernelRow[],
  run: RunFacts,
): Promise<void> {
  const first = evaluations[0]!;
  const last = evaluations.at(-1)!;
  const summary = {
    steps,
    samples: run.samples,
    initialLoss: losses[0]!,
    finalLoss: losses.at(-1)!,
    ...{ accuracy: last.accuracy, testLoss: last.testLoss, testAccuracy: last.testAccuracy },
    evaluations,
    kernels,
    ...{ columns: run.columns, classes: run.classes, loaded: run.loaded },
    ...{ out: run.out, seed, resumedFrom: run.resumedFrom, seconds: run.seconds },
    ...{ backend, core, threads, version },
  };
  await writeFileAtomically(join(run.out, 'result.json'), [
    Buffer.from(
      `${JSON.stringify(summary, (_, value: unknown) => (value === Infinity ? 'Infinity' : value), 2)}\n`,
    ),
  ]);
  if (run.json) {
    printJson(summary);
    return;
  }
  const percent = (share: number | null): string | null =>
    share === null ? null : `${figures(100 * share)} %`;
  printTable([
    ['steps', `${steps} on ${run.samples} samples, in ${seconds(run.seconds)}`],
    ['loss', `${figures(first.loss)} -> ${figures(last.loss)}`],
    ['accuracy', percent(last.accuracy)],
    ['test loss', last.testLoss === null ? null : figures(last.testLoss)],
    ['test accuracy', percent(last.testAccuracy)],
    ['kernel change', kernels.length < 2 ? null : figures(kernels.at(-1)!.relativeChange)],
    ['run', run.out],
  ]);
}

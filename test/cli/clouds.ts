/** Three clouds of points, and the arguments that train a small net on them. */
import { join } from 'node:path';

import { writeNpy } from '../../src/index';
import { normalInputs } from '../support/arbitrary';

export const N = 120;
export const labels = Array.from({ length: N }, (_, i) => i % 3);
/** N x 5 */
export const x = normalInputs(N, 5, 3);
labels.forEach((label, i) => (x.data[i * 5 + label]! += 3));

export const NET = ['--depth', '3', '--width', '20', '--sw2', '2', '--seed', '4'];
export const STEPS = ['--optimizer', 'adam', '--learning-rate', '0.003', '--steps', '20'];

/** Writes X.npy and labels.npy. */
export async function writeClouds(folder: string): Promise<void> {
  await writeNpy(join(folder, 'X.npy'), x);
  await writeNpy(join(folder, 'labels.npy'), { data: Float64Array.from(labels), shape: [N] });
}

/** `deepntk train` on the clouds, with its files in the folder `out`. */
export function trainIn(out: string, ...more: string[]): string[] {
  return ['train', '--x', 'X.npy', '--y', 'labels.npy', ...NET, ...STEPS, '--out', out, ...more];
}

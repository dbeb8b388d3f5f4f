import type { Command } from 'commander';

import { writeNpy } from '../data/npy';
import { MEMORY_OPTION } from '../large/options';
import { addOutOptions, addRunOptions, expectOut } from './common-options';
import { addDeclaredOptions, givenOptions } from './declared';
import { withInterrupt } from './interrupt';
import {
  addKernelSource,
  checkKernelSource,
  type KernelFlags,
  readKernelSource,
  runNamed,
} from './kernel-source';
import { originRows } from './net-facts';
import { figures, printJson, printTable, seconds } from './output';

export function addDiagonalCommand(program: Command): void {
  const command = program
    .command('diagonal')
    .description('compute the kernel of each input with itself, in memory that grows with N and not N^2');
  addKernelSource(command);
  addOutOptions(
    addDeclaredOptions(command.optionsGroup('Diagonal:'), MEMORY_OPTION),
    'write the diagonal to this .npy file',
  );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Without --net, a net is drawn with --seed; --input-dim is then by default the number of features of --x.

Example:
  $ deepntk diagonal --depth 20 --width 300 --x X.npy --out diagonal.npy
`,
    )
    .action(async (flags: KernelFlags) => {
      checkKernelSource(flags, command);
      await withInterrupt((signal) => runDiagonal(flags, command, signal));
    });
}

async function runDiagonal(flags: KernelFlags, command: Command, signal: AbortSignal): Promise<void> {
  const { out } = flags;
  await expectOut(flags);
  const { net, x, loaded, origin, options } = await readKernelSource(flags, command, signal);
  const given = { ...options, ...givenOptions(MEMORY_OPTION, flags, command) };
  const start = performance.now();
  const { data, shape, ...json } = await runNamed(flags, signal, (watch) =>
    net.kernelDiagonal(x, { ...given, ...watch }),
  );
  const elapsed = (performance.now() - start) / 1000;
  if (out !== undefined) await writeNpy(out, { data, shape });
  const summary = summarize(data);
  if (flags.json) {
    printJson({ shape, ...summary, ...json, ...origin, file: out ?? null, loaded, seconds: elapsed });
    return;
  }
  printTable([
    ['diagonal', shape.join(' x ')],
    ['mean', figures(summary.mean)],
    ['range', `${figures(summary.smallest)} to ${figures(summary.largest)}`],
    ...originRows(origin),
    ['time', seconds(elapsed)],
    ['file', out ?? null],
  ]);
}

function summarize(entries: ArrayLike<number>): { mean: number; smallest: number; largest: number } {
  let [mean, smallest, largest] = [0, Infinity, -Infinity];
  for (let i = 0; i < entries.length; i++) {
    mean += entries[i]! / entries.length;
    smallest = Math.min(smallest, entries[i]!);
    largest = Math.max(largest, entries[i]!);
  }
  return { mean, smallest, largest };
}

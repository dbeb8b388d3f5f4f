import type { Command } from 'commander';

import { writeNpy } from '../data/npy';
import type { Eigenpairs } from '../large/eigenpairs';
import { EIGENPAIR_OPTIONS, MEMORY_OPTION } from '../large/options';
import { addOutOptions, addRunOptions, expectOut } from './common-options';
import { addDeclaredOptions, givenOptions } from './declared';
import { withInterrupt } from './interrupt';
import { eigenpairRows } from './kernel-report';
import {
  addKernelSource,
  checkKernelSource,
  type KernelFlags,
  readKernelSource,
  runNamed,
} from './kernel-source';
import { originRows } from './net-facts';
import { figures, printJson, printTable, seconds } from './output';
import { UsageError } from './usage';

interface Flags extends KernelFlags {
  readonly count: number;
}

const OPTIONS = { ...EIGENPAIR_OPTIONS, ...MEMORY_OPTION };

export function addEigenvaluesCommand(program: Command): void {
  const command = program
    .command('eigenvalues')
    .description(
      'compute the largest eigenvalues of the kernel of a net on given inputs, without storing the kernel',
    );
  addKernelSource(command);
  addOutOptions(
    addDeclaredOptions(command.optionsGroup('Eigenvalues:'), OPTIONS),
    'write the eigenvectors to this .npy file',
  ).option('--explain', 'print the plan (features, basis, memory) and compute nothing');
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Every eigenvalue is printed with its residual: an eigenvalue of the kernel lies within it. Without --net, a net is drawn with
--seed; --input-dim is then by default the number of features of --x.

Examples:
  $ deepntk eigenvalues --depth 20 --width 300 --x X.npy --count 20
  $ deepntk eigenvalues --net weights.safetensors --x X.npy --memory 2G --out vectors.npy --json
`,
    )
    .action(async (flags: Flags) => {
      checkKernelSource(flags, command);
      if (flags.outputsAxis === 'diagonal')
        throw new UsageError('--outputs-axis: expected another form than diagonal, which is not one matrix');
      await withInterrupt((signal) => runEigenvalues(flags, command, signal));
    });
}

async function runEigenvalues(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const { out } = flags;
  await expectOut(flags);
  const { net, x, loaded, origin, options: common } = await readKernelSource(flags, command, signal);
  const options = {
    ...common,
    ...givenOptions(OPTIONS, flags, command),
    count: flags.count,
    outputs: flags.outputsAxis as Exclude<typeof flags.outputsAxis, 'diagonal'>,
  };
  if (flags.explain) {
    const plan = await runNamed(flags, signal, () => net.explainTopEigenpairs(x, options));
    if (flags.json) printJson({ ...plan, ...origin });
    else printTable([...eigenpairRows(plan), ...originRows(origin)]);
    return;
  }
  const start = performance.now();
  const found = await runNamed(flags, signal, (watch) => net.topEigenpairs(x, { ...options, ...watch }));
  const elapsed = (performance.now() - start) / 1000;
  if (out !== undefined) await writeNpy(out, found.vectors);
  const { vectors, values, residuals, ...json } = found;
  if (flags.json) {
    printJson({
      eigenvalues: [...values],
      residuals: [...residuals],
      shape: vectors.shape,
      ...json,
      ...origin,
      file: out ?? null,
      loaded,
      seconds: elapsed,
    });
    return;
  }
  printTable([
    ...valueRows(found),
    ...eigenpairRows(found.plan),
    ...originRows(origin),
    ['time', seconds(elapsed)],
    ['file', out ?? null],
  ]);
}

function valueRows({ values, residuals, converged, products }: Eigenpairs): [string, string][] {
  return [
    ...Array.from(values, (value, j): [string, string] => [
      `eigenvalue ${j + 1}`,
      `${figures(value)} +- ${residuals[j]!.toExponential(1)}`,
    ]),
    ['converged', `${converged ? 'yes' : 'NO: the values are lower bounds'}, after ${products} products`],
  ];
}

import type { Command } from 'commander';

import { type Assumption, moments, type Moments } from '../theory';
import { MOMENTS_OPTIONS } from '../theory/arguments';
import { addDeclaredOptions, jsonOption } from './declared';
import { addNetOptions, type NetFlags, specFromFlags } from './net-options';
import { figures, printJson, printTable } from './output';
import { asUsage } from './usage';

interface Flags extends NetFlags {
  readonly inputNorm2: number;
  readonly assumption: Assumption;
  readonly json?: true;
}

export function addMomentsCommand(program: Command): void {
  const command = program
    .command('moments')
    .description('exact mean, second moment and dispersion of the kernel of one input over initializations');
  addDeclaredOptions(addNetOptions(command), MOMENTS_OPTIONS);
  command
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Moments are those of the trace kernel, the sum over outputs. dispersion is E[Theta^2] / E[Theta]^2.
In JSON a number that is out of a double's range is the string "Infinity"; its logarithm is there too.

Example:
  $ deepntk moments --input-dim 30 --depth 10 --width 30 --sw2 2
`,
    )
    .action((flags: Flags) => {
      const { inputNorm2, assumption, json } = flags;
      const spec = specFromFlags(flags, command);
      const result = asUsage(() => moments(spec, { inputNorm2, assumption }));
      if (json) printJson({ ...result, inputNorm2, assumption });
      else printMoments(result, spec.outputDim);
    });
}

function printMoments(result: Moments, outputs: number): void {
  const { secondMomentParts: parts, entry } = result;
  const several = outputs > 1;
  const plain = Number.isFinite(result.secondMoment) && result.secondMoment > 0;
  printTable([
    ['mean', size(result.mean, result.logMean)],
    ['  its parts', plain ? `${figures(result.weights)} weights, ${figures(result.biases)} biases` : null],
    ['second moment', size(result.secondMoment, result.logSecondMoment)],
    [
      '  its parts',
      plain
        ? `${figures(parts.weights)} weights, ${figures(parts.cross)} (twice) cross, ${figures(parts.biases)} biases`
        : null,
    ],
    ['dispersion', `${size(result.dispersion, result.logDispersion)} = E[Theta^2] / E[Theta]^2`],
    ['relative standard deviation', figures(result.relativeStandardDeviation)],
    ['dispersion of one output', several ? size(entry.dispersion, entry.logDispersion) : null],
    [
      'off-diagonal standard deviation',
      several
        ? `${figures(Math.sqrt(result.offDiagonalRelativeVariance!))} of one output's mean (the off-diagonal mean is 0)`
        : null,
    ],
  ]);
}

/** The number, or e to its logarithm where a double cannot hold it. */
function size(value: number, log: number): string {
  const held = Number.isFinite(value) && value > 0;
  return held || log === -Infinity ? figures(value) : `e^${figures(log)}`;
}

import { createRequire } from 'node:module';

import type { Command } from 'commander';

import { LAW_OPTIONS } from '../network/spec-options';
import { classifyPhase } from '../theory/classify-phase';
import { addDeclaredOptions, jsonOption } from './declared';
import { addInputOptions, type InputFlags } from './data';
import { givenFlags } from './net-options';
import { addNetFileOptions, checkNetFileFlags, type NetFileFlags } from './net-file-options';
import { figures, printJson, printTable } from './output';
import type * as PhaseOfNet from './phase-of-net';
import { UsageError } from './usage';

interface Flags extends NetFileFlags, InputFlags {
  readonly sw2: number;
  readonly sb2: number;
}

const VARIANCES = { weightVariance: LAW_OPTIONS.weightVariance, biasVariance: LAW_OPTIONS.biasVariance };

export function addPhaseCommand(program: Command): void {
  const command = program
    .command('phase')
    .description('tell the phase of an initialization, or of a given net: ordered, edge of chaos or chaotic');
  addDeclaredOptions(command.optionsGroup('Net:'), VARIANCES);
  addNetFileOptions(command);
  addInputOptions(
    command.optionsGroup('Inputs:'),
    'the inputs that --net is measured on: a table, .npy, file.npz:name or IDX images; - is stdin',
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The slope is sigma_w^2 / 2: by what a layer multiplies a gradient's squared norm.
With --net the slope is estimated from the net's weights and from its gradients on --x, with standard errors.
In JSON an infinite number is the string "Infinity".

Examples:
  $ deepntk phase --sw2 2 --sb2 0
  $ deepntk phase --net net.json --x X.npy
`,
    )
    .action(async (flags: Flags) => {
      if (flags.net === undefined && flags.x === undefined) {
        checkNetFileFlags(flags, command);
        printPhase(flags);
        return;
      }
      const [law] = givenFlags(command, ['sw2', 'sb2']);
      if (law !== undefined)
        throw new UsageError(`${law}: not to be given with --net and --x, which are measured`);
      if (flags.net === undefined || flags.x === undefined) {
        throw new UsageError(
          `expected --net and --x together, got only ${flags.x === undefined ? '--net' : '--x'}`,
        );
      }
      checkNetFileFlags(flags, command);
      // Loaded when it is needed: the phase of a law takes no kernels.
      const { printPhaseOfNet } = createRequire(__filename)('./phase-of-net') as typeof PhaseOfNet;
      await printPhaseOfNet(flags.net, flags.x, flags, command);
    });
}

function printPhase({ sw2, sb2, json }: Flags): void {
  const report = classifyPhase({ weightVariance: sw2, biasVariance: sb2 });
  const { phase, slope, critical, varianceMap, gradientDepthScale } = report;
  const { fixedPoint, slope: correlationSlope, approach, depthScale } = report.correlationMap;
  const correlationMap = { fixedPoint, slope: correlationSlope, approach, depthScale };
  if (json) {
    printJson({
      phase,
      slope,
      critical,
      varianceMap,
      correlationMap,
      gradientDepthScale,
      weightVariance: sw2,
      biasVariance: sb2,
    });
    return;
  }
  printTable([
    ['phase', `${phase}${critical ? ' (the critical point)' : ''}`],
    ['slope', `${figures(slope)} = sigma_w^2 / 2`],
    ['variance', varianceWords(varianceMap.growth, varianceMap.fixedPoint)],
    [
      'correlation',
      `goes to 1, ${approach === 'algebraic' ? 'as a power of depth' : `e-fold in ${layers(depthScale)}`}`,
    ],
    ['gradients', slope === 1 ? 'keep their size' : `change e-fold in ${layers(gradientDepthScale)}`],
  ]);
}

function varianceWords(growth: string, fixedPoint: number | null): string {
  if (growth === 'constant') return 'stays what it is';
  if (growth === 'linear') return 'grows linearly with depth';
  if (growth === 'exponential') return 'grows exponentially with depth';
  return `goes to ${figures(fixedPoint ?? 0)}`;
}

function layers(count: number): string {
  return `${figures(count)} layers`;
}

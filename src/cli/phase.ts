import type { Command } from 'commander';

import { classifyPhase } from '../theory/classify-phase';
import { biasVarianceOption, weightVarianceOption } from './net-options';
import { figures, printJson, printTable } from './output';
import { jsonOption } from './usage';

interface Flags {
  readonly sw2: number;
  readonly sb2: number;
  readonly json?: true;
}

export function addPhaseCommand(program: Command): void {
  program
    .command('phase')
    .description('tell the phase of an initialization: ordered, edge of chaos or chaotic')
    .addOption(weightVarianceOption())
    .addOption(biasVarianceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The slope is sigma_w^2 / 2: by what a layer multiplies a gradient's squared norm.
In JSON an infinite number is the string "Infinity".

Example:
  $ deepntk phase --sw2 2 --sb2 0
`,
    )
    .action((flags: Flags) => {
      printPhase(flags);
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

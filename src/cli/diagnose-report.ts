/** What `deepntk diagnose` says on a terminal. */
import type { Diagnosis } from '../diagnosis';
import { percent } from '../diagnosis/verdict';
import {
  dataWords,
  dispersion,
  estimateWords,
  lawWords,
  netWords,
  PHASE_NAMES,
  short,
  varianceWords,
  widthWords,
} from '../report/diagnosis/words';
import { type NetFacts, netRows } from './net-facts';
import { figures, printTable, type Rows, seconds } from './output';

export interface DiagnoseRun {
  readonly net: string | null;
  /** How that file was understood; null if the net was drawn. */
  readonly network: NetFacts | null;
  readonly out: string | null;
  readonly seconds: number;
}

export function printDiagnosis(diagnosis: Diagnosis, run: DiagnoseRun): void {
  const { verdict, net } = diagnosis;
  const reasons = verdict.criteria.map(({ holds, sentence }) => `  ${holds ? '+' : '-'} ${sentence}\n`);
  process.stdout.write(`${plain(verdict.sentence)}\n${plain(reasons.join(''))}\n`);
  printTable(
    [...rows(diagnosis), ...runRows(diagnosis, run)].map(([name, value]) => [name, value && plain(value)]),
  );
  const advice = [widthWords(diagnosis), varianceWords(diagnosis), ...net.assumptions];
  process.stdout.write(
    `\n${plain(
      advice
        .filter((sentence) => sentence !== null)
        .map((sentence) => `${sentence}\n`)
        .join(''),
    )}`,
  );
}

function rows({ phase, lambda, initialization, kernel, firstStep, training, net, data }: Diagnosis): Rows {
  const { exact, estimate, oneOutput, oneOutputEstimate } = initialization;
  const last = training.checkpoints.at(-1);
  const pair = (here: number | null, there: number | null): string | null =>
    here === null || there === null ? null : `${figures(here)}, at infinite width ${figures(there)}`;
  const several = net.outputDim > 1;
  return [
    ['net', `${netWords(net)}; ${lawWords(net)}`],
    ['data', dataWords(data)],
    ['phase', `${PHASE_NAMES[phase.phase]}, slope ${short(phase.slope)}`],
    [
      'measured phase',
      phase.measured && `${PHASE_NAMES[phase.measured.phase]}, slope ${short(phase.measured.slope)}`,
    ],
    ['lambda', `${short(lambda)}, depth over width`],
    ['spread', `${percent(exact.relativeStandardDeviation)} of the mean, over initializations`],
    ['dispersion', `${dispersion(exact.relativeVariance, exact.dispersion)} exact`],
    ['  Monte Carlo', estimate && `${estimateWords(estimate)}, ${estimate.replicas} draws`],
    [
      '  of one output',
      several
        ? `${dispersion(oneOutput.relativeVariance, oneOutput.dispersion)} exact; ${estimateWords(oneOutputEstimate)}, ${oneOutputEstimate.replicas} draws`
        : null,
    ],
    ['mean diagonal', pair(kernel.meanDiagonal, kernel.infiniteWidthMeanDiagonal)],
    ['off-diagonal ratio', pair(kernel.offDiagonalRatio, kernel.infiniteWidthOffDiagonalRatio)],
    [
      'largest eigenvalue',
      pair(kernel.eigenvalues?.[0] ?? null, kernel.infiniteWidthEigenvalues?.[0] ?? null),
    ],
    ['effective rank', pair(kernel.effectiveRank, kernel.infiniteWidthEffectiveRank)],
    ['distance', kernel.distance === null ? null : `${percent(kernel.distance)} from infinite width`],
    [
      'first step',
      `${firstStep.measured === null ? '-' : percent(firstStep.measured)} measured; gates held, rate 1 / E Theta: ${(100 * firstStep.frozenGateTheory).toPrecision(2)} % exact`,
    ],
    [
      'training',
      last === undefined
        ? null
        : `${percent(training.largestChange!)} in ${training.steps} steps; loss ${figures(last.loss)}, predicted ${figures(last.predictedLoss)}`,
    ],
  ];
}

function runRows(
  { backend, core, threads }: Diagnosis,
  { net, network, out, seconds: time }: DiagnoseRun,
): Rows {
  return [
    ...(net === null || network === null ? [] : netRows(net, network, 'file of the net')),
    ['page', out],
    ['time', `${seconds(time)}, ${backend}${core === null ? '' : ` (${core})`}, ${threads} threads`],
  ];
}

/** As other commands write it. */
function plain(text: string): string {
  return text
    .replaceAll('σ_w²', 'sigma_w^2')
    .replaceAll('σ_b²', 'sigma_b^2')
    .replaceAll('Θ', 'Theta')
    .replaceAll('→', '->')
    .replaceAll('×', 'x')
    .replaceAll('±', '+-');
}

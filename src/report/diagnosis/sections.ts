/** The sections of the page of a diagnosis. */
import type { TopLevelSpec } from 'vega-lite';

import type { Diagnosis } from '../../diagnosis';
import { percent } from '../../diagnosis/verdict';
import { formatNumber } from '../marks';
import { renderLite, renderSvg } from '../render';
import { changeChart, lossChart, spectrumChart, varianceChart, widthChart } from './charts';
import { facts, figure, list, paragraph, section, table } from './html';
import { kernelPanel, relativeKernel } from './kernel-panel';
import { inlineSvg } from './theme';
import {
  dataWords,
  dispersion,
  estimateWords,
  firstStepWords,
  kernelWords,
  monteCarloWords,
  PHASE_NAMES,
  phaseWords,
  short,
  spreadWords,
  trainingWords,
  varianceWords,
  widthWords,
} from './words';

export function phaseSection({ phase, net, lambda }: Diagnosis): string {
  const measured = phase.measured && {
    phase: `${PHASE_NAMES[phase.measured.phase]} (by its ${phase.measured.basis}, ${Math.abs(phase.measured.zScore).toFixed(1)} standard errors from the edge)`,
    slope: short(phase.measured.slope),
  };
  return section('phase', 'Phase and shape', [
    paragraph(phaseWords(phase, net.depth)),
    ...(net.assumptions.length === 0 ? [] : [list(net.assumptions)]),
    facts('The net and its law of initialization', [
      ['Phase', `${PHASE_NAMES[phase.phase]}${phase.critical ? ' (the critical point)' : ''}`],
      ['Slope σ_w² / 2', short(phase.slope)],
      ['Phase as measured on this net', measured?.phase ?? null],
      ['Slope as measured on this net', measured?.slope ?? null],
      [
        'Depth over width, λ',
        `${short(lambda)}${net.depth > 0 ? ` (exp 5λ = ${formatNumber(Math.exp(5 * lambda))})` : ''}`,
      ],
      ['Parameters', net.parameters.toLocaleString('en-US')],
    ]),
  ]);
}

export async function initializationSection(diagnosis: Diagnosis): Promise<string> {
  const { initialization, net } = diagnosis;
  const { exact, oneOutput, oneOutputEstimate, estimate } = initialization;
  const several = net.outputDim > 1;
  const charts = [
    await drawn(
      widthChart(diagnosis),
      'spread-width',
      'Spread of the kernel against width',
      () =>
        `The exact spread falls as the layers get wider. This net: ${percent(exact.relativeStandardDeviation)}. ${widthWords(diagnosis) ?? ''}`,
    ),
    await drawn(
      varianceChart(diagnosis),
      'spread-variance',
      'Spread of the kernel against weight variance',
      () => `The exact spread at other weight variances, all else alike. ${varianceWords(diagnosis) ?? ''}`,
    ),
  ];
  const row = (name: string, moments: typeof exact, sampled: typeof estimate): string[] => [
    name,
    dispersion(moments.relativeVariance, moments.dispersion),
    percent(moments.relativeStandardDeviation),
    sampled === null ? 'not sampled' : estimateWords(sampled),
    sampled === null ? '–' : `${sampled.replicas.toLocaleString('en-US')}, ${sampled.sampler}`,
  ];
  return section('initialization', 'At initialization', [
    paragraph(spreadWords(diagnosis)),
    paragraph(monteCarloWords(diagnosis)),
    table(
      'Dispersion E Θ² / (E Θ)² of the kernel of one input at the mean squared norm of the data',
      ['kernel', 'exact', 'spread', 'Monte Carlo', 'draws'],
      several
        ? [
            row(`sum over ${net.outputDim} outputs`, exact, estimate),
            row('one output', oneOutput, oneOutputEstimate),
          ]
        : [row('the kernel', exact, oneOutputEstimate)],
    ),
    figures(charts, [
      'Spread (standard deviation over mean) of Θ against width, exact; the dashed line is the bound of the verdict.',
      'The same against σ_w², at this width and depth.',
    ]),
  ]);
}

export async function kernelSection(diagnosis: Diagnosis): Promise<string> {
  const { kernel, data } = diagnosis;
  const parts = [paragraph(kernelWords(diagnosis))];
  if (kernel.distance !== null && data.inputs > 1) {
    const here = relativeKernel(kernel.matrix, kernel.meanDiagonal);
    const there = relativeKernel(kernel.infiniteWidth, kernel.infiniteWidthMeanDiagonal);
    const panel = async (matrix: typeof here, id: string, name: string, ratio: number | null) =>
      inlineSvg(await renderSvg(kernelPanel(matrix, [here, there], data.labels)), {
        id,
        title: `Kernel matrix, ${name}`,
        text: `A heat map of the ${data.inputs} by ${data.inputs} kernel over the mean of its diagonal. Off-diagonal over diagonal: ${ratio?.toFixed(3) ?? 'none'}.`,
      });
    parts.push(
      figures(
        [
          await panel(here, 'kernel-net', 'this net', kernel.offDiagonalRatio),
          await panel(there, 'kernel-infinite', 'infinite width', kernel.infiniteWidthOffDiagonalRatio),
        ],
        [
          `This net. Each entry over the mean of the diagonal, ${formatNumber(kernel.meanDiagonal)}.`,
          `Infinite width, on the same scale of colours. Mean of the diagonal: ${formatNumber(kernel.infiniteWidthMeanDiagonal)}.`,
        ],
      ),
    );
  }
  const [largest] = kernel.eigenvalues ?? [];
  const [largestThere] = kernel.infiniteWidthEigenvalues ?? [];
  const number = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : formatNumber(value);
  const spectrum = await drawn(
    spectrumChart(diagnosis),
    'spectrum',
    'Eigenvalues of the kernel',
    () =>
      `Eigenvalues by rank, of this net and at infinite width. Largest: ${number(largest)} and ${number(largestThere)}. Effective rank: ${number(kernel.effectiveRank)} and ${number(kernel.infiniteWidthEffectiveRank)}.`,
  );
  parts.push(
    `<div class="figures">${spectrum === null ? '' : figure(spectrum, 'Spectrum of the kernel matrix. A mode is learnt at the speed of its eigenvalue.')}` +
      `<div>${table(
        'The kernel matrix in numbers (sum over outputs)',
        ['quantity', 'this net', 'infinite width'],
        [
          ['mean of the diagonal', number(kernel.meanDiagonal), number(kernel.infiniteWidthMeanDiagonal)],
          [
            'off-diagonal / diagonal',
            ratio(kernel.offDiagonalRatio),
            ratio(kernel.infiniteWidthOffDiagonalRatio),
          ],
          ['largest eigenvalue', number(largest), number(largestThere)],
          ['effective rank', number(kernel.effectiveRank), number(kernel.infiniteWidthEffectiveRank)],
          ['distance |Θ − Θ_∞| / |Θ_∞|', kernel.distance === null ? '–' : percent(kernel.distance), '0 %'],
        ],
      )}</div></div>`,
  );
  return section('kernel', 'The kernel on the data', parts);
}

function ratio(value: number | null): string {
  return value === null ? '–' : value.toFixed(3);
}

export async function trainingSection(diagnosis: Diagnosis): Promise<string> {
  const { training, thresholds } = diagnosis;
  const charts = [
    await drawn(
      changeChart(diagnosis),
      'change',
      'Change of the kernel in training',
      () =>
        `The relative change of the kernel matrix by step, up to ${percent(training.largestChange ?? 0)}; the bound is ${percent(thresholds.kernelChange)}.`,
    ),
    await drawn(
      lossChart(diagnosis),
      'loss',
      'Loss in training, and as a fixed kernel predicts',
      () =>
        `Two falling curves by step: the loss of the net, ending at ${formatNumber(training.checkpoints.at(-1)!.loss)}, and the one predicted by its initial kernel, ending at ${formatNumber(training.checkpoints.at(-1)!.predictedLoss)}.`,
    ),
  ];
  return section('training', 'In training', [
    paragraph(firstStepWords(diagnosis)),
    paragraph(trainingWords(diagnosis)),
    figures(charts, [
      'How far the kernel matrix has moved; the dashed line is the bound of the verdict.',
      'Mean over inputs of |f − y|² / 2, of the net and as gradient flow under the initial kernel predicts.',
    ]),
    ...(training.checkpoints.length === 0
      ? []
      : [
          table(
            'The short training run, learning rate ' + formatNumber(training.learningRate!),
            ['step', 'kernel change', 'loss', 'predicted loss', 'prediction error'],
            training.checkpoints.map((row) => [
              String(row.step),
              percent(row.kernelChange),
              formatNumber(row.loss),
              formatNumber(row.predictedLoss),
              percent(row.predictionError),
            ]),
          ),
        ]),
  ]);
}

export function adviceSection(diagnosis: Diagnosis): string {
  const words = [widthWords(diagnosis), varianceWords(diagnosis)].filter((sentence) => sentence !== null);
  return section('advice', 'What would keep the kernel from varying', [
    words.length === 0
      ? paragraph('A net without hidden layers has a kernel that does not vary.')
      : list(words),
  ]);
}

export function methodSection(diagnosis: Diagnosis): string {
  const { data, training, seed, net, backend, core, threads } = diagnosis;
  const norms = data.norm2;
  return section('method', 'How this was computed', [
    facts('Data, seed and machine', [
      ['Data', dataWords(data)],
      [
        'Squared norm of an input',
        `${formatNumber(norms.mean)} on average, from ${formatNumber(norms.smallest)} to ${formatNumber(norms.largest)}`,
      ],
      ['Seed', `${seed}${net.replica === null ? '' : `, net ${net.replica}`}`],
      [
        'Training',
        `full-batch gradient descent, ${training.steps} steps${training.learningRate === null ? '' : ` at ${formatNumber(training.learningRate)}`}, mean squared error`,
      ],
      [
        'Backend',
        `${backend}${core === null ? '' : ` (OpenBLAS, ${core})`}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, float64`,
      ],
    ]),
  ]);
}

/** A chart as a part of the page; null where there is nothing to draw. */
async function drawn(
  specification: TopLevelSpec | null,
  id: string,
  title: string,
  describe: () => string,
): Promise<string | null> {
  if (specification === null) return null;
  return inlineSvg(await renderLite(specification), { id, title, text: describe() });
}

function figures(svgs: readonly (string | null)[], captions: readonly string[]): string {
  const shown = svgs.flatMap((svg, i) => (svg === null ? [] : [figure(svg, captions[i]!)]));
  return shown.length === 0 ? '' : `<div class="figures">${shown.join('')}</div>`;
}

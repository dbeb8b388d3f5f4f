/** The picture of the training study: for every sigma_w^2 a row of losses, class structure and kernels. */
import { phaseOf } from '../../theory/classify-phase';
import type { NdArray } from '../../ndarray';
import { DeepntkError } from '../../errors';
import { heatMapUri, type LogColours, positiveRange } from '../heat-map';
import { colourScheme } from '../render';
import { numberAt, type FigureRow } from './figure';
import {
  COLOURS,
  CONFIG,
  heading,
  panelTitle,
  POWER_LABELS,
  type Series,
  seriesEncodings,
  short,
  type FigureSpec,
} from './style';
import type { Values } from './training-structure-parameters';

const HEIGHT = 150;
const NEUTRAL = [190, 190, 190] as const;

const LOSSES = [
  { name: 'trainLoss', label: 'training', colour: COLOURS.black, shape: 'circle', dash: [1, 0] },
  { name: 'testLoss', label: 'test', colour: COLOURS.orange, shape: 'triangle-up', dash: [5, 3] },
] as const;
const BLOCKS = [
  { name: 'same', label: 'same class', colour: COLOURS.blue, shape: 'circle', dash: [1, 0] },
  { name: 'other', label: 'other class', colour: COLOURS.orange, shape: 'square', dash: [5, 3] },
] as const;

export function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { depth, width, perClass, testPerClass, probePerClass, learningRate, seed } = values;
  const curves = rows.filter(({ kind }) => kind === 'curve');
  const variances = [...new Set(rows.map((row) => numberAt(row, 'weightVariance')))];
  const steps = [
    ...new Set(rows.filter(({ kind }) => kind === 'kernel').map((row) => numberAt(row, 'step'))),
  ];
  const kernels = new Map(
    variances.flatMap((variance) =>
      steps.map((step) => [`${variance},${step}`, kernelOf(rows, variance, step)] as const),
    ),
  );
  const colours: LogColours = {
    domain: positiveRange([...kernels.values()]),
    colourAt: colourScheme('viridis'),
    neutral: NEUTRAL,
  };
  const losses = curves.flatMap((row) => LOSSES.map(({ name }) => numberAt(row, name)));
  const lossDomain = [Math.min(...losses) / 1.15, Math.max(...losses) * 1.15];
  const highest = Math.max(
    ...curves.flatMap((row) =>
      BLOCKS.map(({ name }) => numberAt(row, `${name}Mean`) + numberAt(row, `${name}Deviation`)),
    ),
  );
  const last = Math.max(...curves.map((row) => numberAt(row, 'step')));
  return {
    title: heading('How the NTK changes while the net learns MNIST', [
      `784 → ${width} × ${depth} → 10 ReLU nets, one for each σ_w², σ_b² = 0, seed ${seed}; ${short(10 * perClass)} training and ${short(10 * testPerClass)} test digits, loss mean |f − y|²/2, full-batch Adam at ${learningRate}`,
      'middle: mean of the kernel over pairs of one class (with themselves too) and of different classes, over the mean of the diagonal; bands: ± one standard deviation',
      `right: kernel (sum over outputs) of ${10 * probePerClass} training digits, ${probePerClass} of each class, over the mean of its diagonal, after so many steps`,
    ]),
    config: { ...CONFIG, concat: { spacing: 16 } },
    resolve: { scale: { color: 'independent', shape: 'independent' } },
    vconcat: variances.map((variance, i) => {
      const own = curves.filter((row) => row['weightVariance'] === variance);
      return {
        spacing: 22,
        resolve: { scale: { color: 'independent' as const, shape: 'independent' as const } },
        hconcat: [
          lossPanel(own, variance, lossDomain, last, i === 0),
          structurePanel(own, last, highest, i === 0),
          ...steps.map((step, k) => {
            const kernel = kernels.get(`${variance},${step}`)!;
            return heatMapPanel(kernel, step, colours, i === 0 && k === steps.length - 1);
          }),
        ],
      };
    }),
  };
}

const stepAxis = (last: number) => ({
  field: 'step',
  type: 'quantitative' as const,
  title: 'steps',
  scale: { domain: [0, last], nice: false },
  axis: { tickCount: 4, format: '~s' },
});

function lossPanel(
  rows: readonly FigureRow[],
  variance: number,
  domain: number[],
  last: number,
  legend: boolean,
) {
  const data = rows.flatMap((row) =>
    LOSSES.map(({ name, label }) => ({ step: row['step'], series: label, value: row[name] })),
  );
  const phase = phaseOf(variance).replaceAll('-', ' ');
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: 'loss',
    scale: { type: 'log' as const, domain, nice: false },
    axis: { tickCount: 5, labelExpr: POWER_LABELS, minExtent: 36, maxExtent: 36 },
  };
  return {
    title: panelTitle(`σ_w² = ${short(variance)} (${phase})`),
    data: { values: data },
    width: 180,
    height: HEIGHT,
    layer: linesWithPoints(LOSSES, stepAxis(last), y, legend ? 'bottom-left' : null),
  };
}

function structurePanel(rows: readonly FigureRow[], last: number, highest: number, titled: boolean) {
  const data = rows.flatMap((row) =>
    BLOCKS.map(({ name, label }) => {
      const [mean, deviation] = [numberAt(row, `${name}Mean`), numberAt(row, `${name}Deviation`)];
      return {
        step: row['step'],
        series: label,
        value: mean,
        low: Math.max(0, mean - deviation),
        high: mean + deviation,
      };
    }),
  );
  const x = stepAxis(last);
  const y = {
    type: 'quantitative' as const,
    title: 'kernel / diagonal',
    scale: { domain: [0, highest], nice: true },
    axis: { tickCount: 5, format: '.1f', minExtent: 30, maxExtent: 30 },
  };
  const { color } = seriesEncodings(BLOCKS, null);
  return {
    ...(titled && {
      title: {
        ...panelTitle('same class (blue), other (orange)'),
        fontWeight: 'normal' as const,
        fontSize: 12.5,
      },
    }),
    data: { values: data },
    width: 200,
    height: HEIGHT,
    layer: [
      {
        mark: { type: 'area' as const, opacity: 0.18 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
      },
      ...linesWithPoints(BLOCKS, x, { ...y, field: 'value' }, null),
    ],
  };
}

function linesWithPoints(
  series: readonly (Series & { readonly dash: readonly number[] })[],
  x: object,
  y: object,
  legend: 'bottom-left' | null,
) {
  const { color, shape } = seriesEncodings(series, legend);
  return [
    ...series.map(({ label, dash }) => ({
      transform: [{ filter: `datum.series === '${label}'` }],
      mark: { type: 'line' as const, strokeWidth: 1.6, strokeDash: [...dash] },
      encoding: { x, y, color },
    })),
    {
      mark: { type: 'point' as const, filled: true, size: 26, opacity: 1 },
      encoding: { x, y, color, shape },
    },
  ];
}

function heatMapPanel(kernel: NdArray, step: number, colours: LogColours, legend: boolean) {
  const inputs = Array.from({ length: kernel.shape[0]! }, (_, i) => i);
  const url = heatMapUri(kernel, inputs, inputs, colours);
  const axis = {
    values: [0.5, 2.5, 4.5, 6.5, 8.5],
    labelExpr: 'floor(datum.value)',
    ticks: false,
    grid: false,
    domain: false,
    labelPadding: 4,
    minExtent: 14,
    maxExtent: 14,
  };
  const place = (reverse: boolean) => ({
    datum: 5,
    type: 'quantitative' as const,
    title: null,
    scale: { domain: [0, 10], nice: false, reverse },
    axis,
  });
  return {
    title: { ...panelTitle(step === 1 ? '1 step' : `${short(step)} steps`), fontWeight: 'normal' as const },
    data: { values: [{ url }] },
    width: HEIGHT,
    height: HEIGHT,
    layer: [
      {
        mark: { type: 'image' as const, width: HEIGHT, height: HEIGHT, aspect: false },
        encoding: { x: place(false), y: place(true), url: { field: 'url', type: 'nominal' as const } },
      },
      ...(legend ? [colourKey(colours)] : []),
    ],
  };
}

/** Points that nobody sees, for the sake of their legend. */
function colourKey({ domain }: LogColours) {
  return {
    data: { values: [{ entry: domain[1] }] },
    mark: { type: 'point' as const, opacity: 0 },
    encoding: {
      color: {
        field: 'entry',
        type: 'quantitative' as const,
        scale: { type: 'log' as const, domain: [...domain], nice: false, scheme: 'viridis' as const },
        legend: {
          type: 'gradient' as const,
          title: 'Θ / diagonal',
          gradientLength: HEIGHT - 25,
          gradientThickness: 14,
          gradientOpacity: 1,
          tickCount: 4,
          format: '~g',
        },
      },
    },
  };
}

/** The symmetric kernel whose rows up to the diagonal stand in the table. */
function kernelOf(rows: readonly FigureRow[], variance: number, step: number): NdArray {
  const own = rows
    .filter((row) => row['kind'] === 'kernel' && row['weightVariance'] === variance && row['step'] === step)
    .sort((a, b) => numberAt(a, 'input') - numberAt(b, 'input'));
  const n = own.length;
  const data = new Float64Array(n * n);
  own.forEach((row, i) => {
    const entries = String(row['entries']).split(' ').map(Number);
    if (row['input'] !== i || entries.length !== i + 1 || !entries.every(Number.isFinite)) {
      throw new DeepntkError(
        'ERR_INVALID_FILE',
        `training-structure: the kernel of σ_w² = ${variance} after ${step} steps: expected ${i + 1} numbers in the row of input ${i}`,
      );
    }
    entries.forEach((entry, j) => {
      data[i * n + j] = entry;
      data[j * n + i] = entry;
    });
  });
  if (n === 0) {
    throw new DeepntkError(
      'ERR_INVALID_FILE',
      `training-structure: expected the kernel of σ_w² = ${variance} after ${step} steps, got none`,
    );
  }
  return { data, shape: [n, n] };
}

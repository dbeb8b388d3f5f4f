/** The charts of a diagnosis, as Vega-Lite specifications. */
import type { TopLevelSpec } from 'vega-lite';
import type { LayerSpec } from 'vega-lite/build/src/spec';

import type { Diagnosis } from '../../diagnosis';
import { percent } from '../../diagnosis/verdict';
import { createSpec } from '../../network/spec';
import { moments } from '../../theory/moments';
import { formatPower, formatTick } from '../marks';
import { FONT } from '../render';
import { AXIS, BLUE, GRID, INK, MUTED, VERMILION } from './theme';

type Layers = LayerSpec<never>['layer'];

/** The size of a plot, without its axes, in pixels: with them it fits a phone. */
const WIDTH = 320;
const HEIGHT = 210;

/** The two lines that are compared: the first is what is measured, the second what theory says. */
interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Axis {
  readonly title: string;
  readonly log: boolean;
  readonly percent?: boolean;
}

function chart(layer: Layers): TopLevelSpec {
  return {
    width: WIDTH,
    height: HEIGHT,
    background: 'white',
    padding: 6,
    layer,
    config: {
      font: FONT,
      view: { stroke: null },
      axis: {
        labelColor: INK,
        titleColor: INK,
        labelFontSize: 12,
        titleFontSize: 12.5,
        titleFontWeight: 'normal',
        titlePadding: 8,
        gridColor: GRID,
        domainColor: AXIS,
        tickColor: AXIS,
        labelOverlap: true,
        labelPadding: 4,
      },
      legend: {
        labelColor: INK,
        labelFontSize: 12.5,
        symbolStrokeWidth: 2.5,
        symbolSize: 520,
        orient: 'top',
        direction: 'horizontal',
        title: null,
        offset: 10,
        columnPadding: 16,
        labelLimit: 260,
      },
    },
  };
}

/** Numbers on an axis: shares in percent; on log axes ticks of our own, large and small ones as powers of ten. */
function axisOf({ title, log, percent = false }: Axis, domain: readonly [low: number, high: number]) {
  if (!log) {
    const format = percent ? "format(100 * datum.value, ',~r') + ' %'" : "format(datum.value, ',~r')";
    return { title, tickCount: 5, labelExpr: format };
  }
  const values = logTicks(domain);
  const plain = domain[1] < 1e5 && domain[0] >= 1e-3;
  const label = (tick: number): string => {
    if (percent && 100 * tick < 1e5) return `${formatTick(100 * tick)} %`;
    return plain ? formatTick(tick) : powerLabel(tick);
  };
  // A lookup: an expression of Vega's cannot write powers.
  const labels = JSON.stringify(Object.fromEntries(values.map((tick) => [tick, label(tick)])));
  return { title, values, labelExpr: `${labels}[datum.value]` };
}

/** 10⁶, 2 · 10⁶ */
function powerLabel(tick: number): string {
  const [digit, exponent] = tick.toExponential(0).split('e') as [string, string];
  const power = formatPower(Number(exponent), false);
  return digit === '1' ? power : `${digit} · ${power}`;
}

/** 1, 2, 5, 10, ... within the domain; powers of ten alone where they are enough, and few of them where there are many. */
function logTicks([low, high]: readonly [number, number]): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const within = (ticks: readonly number[]) => ticks.filter((tick) => tick >= low && tick <= high);
  const powers = within(decades.map((exponent) => Number(`1e${exponent}`)));
  if (powers.length > 7) return powers.filter((_, i) => i % Math.ceil(powers.length / 7) === 0);
  if (powers.length > 3) return powers;
  const digits = powers.length > 2 ? [1, 3] : powers.length > 1 ? [1, 2, 5] : [1, 2, 3, 5, 7];
  const ticks = within(decades.flatMap((exponent) => digits.map((digit) => Number(`${digit}e${exponent}`))));
  return ticks.length >= 3 ? ticks : evenTicks(low, high);
}

/** Four or so multiples of 1, 2 or 5 times a power of ten. */
function evenTicks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((digit) => digit * unit >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}

/** Lines over one another, with a legend where there are two, and a bound as a dashed rule. */
export function lineChart(
  lines: readonly Line[],
  x: Axis,
  y: Axis,
  options: {
    readonly points?: boolean;
    readonly bound?: { readonly y: number; readonly label: string };
    readonly mark?: {
      readonly x: number;
      readonly y: number;
      readonly label: string;
      readonly rising: boolean;
    };
  } = {},
): TopLevelSpec {
  const rows = lines.flatMap(({ name, points }) =>
    points
      .filter(([at, value]) => Number.isFinite(value) && (!y.log || value > 0) && (!x.log || at > 0))
      .map(([at, value]) => ({ name, x: at, y: value })),
  );
  const { bound, mark, points = false } = options;
  const ys = [...rows.map((row) => row.y), ...(bound ? [bound.y] : []), ...(mark ? [mark.y] : [])];
  const xs = rows.map((row) => row.x);
  const names = lines.map(({ name }) => name);
  const scale = (axis: Axis, values: readonly number[]) => ({
    type: axis.log ? ('log' as const) : ('linear' as const),
    domain: domainOf(axis, values),
    nice: false,
  });
  const place = {
    x: {
      field: 'x',
      type: 'quantitative',
      scale: scale(x, xs),
      axis: { ...axisOf(x, domainOf(x, xs)), grid: false },
    },
    y: {
      field: 'y',
      type: 'quantitative',
      scale: scale(y, ys),
      axis: { ...axisOf(y, domainOf(y, ys)), domain: false, ticks: false },
    },
  };
  const range = [BLUE, VERMILION].slice(0, names.length);
  const colour = {
    field: 'name',
    type: 'nominal',
    scale: { domain: names, range },
    legend: names.length > 1 ? { symbolType: 'stroke' } : null,
  };
  const dash = {
    field: 'name',
    type: 'nominal',
    scale: {
      domain: names,
      range: [
        [1, 0],
        [6, 4],
      ].slice(0, names.length),
    },
    legend: names.length > 1 ? {} : null,
  };
  const layers = [
    ...(bound
      ? [
          {
            data: { values: [{ y: bound.y }] },
            mark: { type: 'rule', strokeDash: [3, 3], color: MUTED, strokeWidth: 1.25 },
            encoding: { y: { field: 'y', type: 'quantitative' } },
          },
          {
            data: { values: [{ y: bound.y, text: bound.label }] },
            mark: {
              type: 'text',
              align: 'right',
              baseline: 'bottom',
              dy: -3,
              x: WIDTH,
              fontSize: 12,
              color: MUTED,
            },
            encoding: { y: { field: 'y', type: 'quantitative' }, text: { field: 'text' } },
          },
        ]
      : []),
    {
      data: { values: rows },
      mark: {
        type: 'line',
        strokeWidth: 2.25,
        interpolate: 'linear',
        ...(points && { point: { size: 34, filled: true } }),
      },
      encoding: { ...place, color: colour, strokeDash: dash },
    },
    ...(mark
      ? [
          {
            data: { values: [mark] },
            mark: { type: 'point', filled: true, size: 110, color: VERMILION, opacity: 1 },
            encoding: { x: { field: 'x', type: 'quantitative' }, y: { field: 'y', type: 'quantitative' } },
          },
          {
            data: { values: [mark] },
            mark: {
              type: 'text',
              ...labelPlace(mark.x, domainOf(x, xs), x.log, mark.rising),
              fontSize: 12.5,
              fontWeight: 'bold',
              color: INK,
            },
            encoding: {
              x: { field: 'x', type: 'quantitative' },
              y: { field: 'y', type: 'quantitative' },
              text: { field: 'label' },
            },
          },
        ]
      : []),
  ];
  return chart(layers as unknown as Layers);
}

function here({ exact }: Diagnosis['initialization']) {
  return { y: exact.relativeStandardDeviation, label: 'this net' };
}

function boundAt(y: number) {
  return { y, label: `bound ${percent(y)}` };
}

/** Where the label of a mark does not meet its curve: above it to the left where the curve rises, to the right where it falls. */
function labelPlace(at: number, [low, high]: readonly [number, number], log: boolean, rising: boolean) {
  const share = log ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low);
  if (!rising) return { align: 'left', dx: 5, dy: -7, baseline: 'bottom' };
  return share > 0.3
    ? { align: 'right', dx: 2, dy: -9, baseline: 'bottom' }
    : { align: 'left', dx: 5, dy: 9, baseline: 'top' };
}

/** Log scales end a little beyond their values, linear ones at zero and a little above. */
function domainOf({ log }: Axis, values: readonly number[]): [number, number] {
  const high = Math.max(...values);
  const low = Math.min(...values);
  if (!log) return [Math.min(0, low), high > 0 ? 1.08 * high : 1];
  return high > 1.2 * low ? [low / 1.1, high * 1.15] : [low / 2, high * 2];
}

export function spectrumChart({ kernel }: Diagnosis): TopLevelSpec | null {
  const { eigenvalues, infiniteWidthEigenvalues } = kernel;
  if (eigenvalues === null || infiniteWidthEigenvalues === null || eigenvalues.length < 2) return null;
  // What is below the rounding of the largest is no eigenvalue that could be seen.
  const floor = 1e-14 * eigenvalues[0]!;
  const ranked = (values: readonly number[]) =>
    values.map((value, i) => [i + 1, value > floor ? value : NaN] as const);
  return lineChart(
    [
      { name: 'this net', points: ranked(eigenvalues) },
      { name: 'infinite width', points: ranked(infiniteWidthEigenvalues) },
    ],
    { title: 'rank of the eigenvalue', log: true },
    { title: 'eigenvalue of Θ', log: true },
  );
}

export function changeChart({ training, thresholds }: Diagnosis): TopLevelSpec | null {
  const { checkpoints } = training;
  if (checkpoints.length === 0) return null;
  return lineChart(
    [{ name: 'change', points: checkpoints.map(({ step, kernelChange }) => [step, kernelChange]) }],
    { title: 'step', log: true },
    { title: '|Θ − Θ₀| / |Θ₀|', log: false, percent: true },
    { points: true, bound: boundAt(thresholds.kernelChange) },
  );
}

export function lossChart({ training }: Diagnosis): TopLevelSpec | null {
  const { checkpoints } = training;
  if (checkpoints.length === 0) return null;
  return lineChart(
    [
      { name: 'the net', points: checkpoints.map(({ step, loss }) => [step, loss]) },
      {
        name: 'as its kernel predicts',
        points: checkpoints.map(({ step, predictedLoss }) => [step, predictedLoss]),
      },
    ],
    { title: 'step', log: true },
    { title: 'loss on the data', log: true },
    { points: true },
  );
}

/** The exact spread at other widths, as it is now: everything else alike. */
export function widthChart({ net, data, advice, initialization }: Diagnosis): TopLevelSpec | null {
  if (advice.width === null) return null;
  const { present, width } = advice.width;
  const from = Math.max(12, Math.min(present, width ?? present) / 4);
  const to = 4 * Math.max(present, width ?? present);
  const spec = specWith(net);
  const points = grid(from, to, 60, true).map((at): [number, number] => {
    const other = createSpec({ ...spec, depth: net.depth, width: Math.round(at) });
    return [Math.round(at), spreadOf(other, data.norm2.mean)];
  });
  return lineChart(
    [{ name: 'exact', points }],
    { title: 'width of the hidden layers', log: true },
    { title: 'spread of Θ', log: true, percent: true },
    {
      bound: boundAt(advice.spread),
      mark: { ...here(initialization), x: present, rising: false },
    },
  );
}

/** The exact spread at other sigma_w^2. */
export function varianceChart({ net, data, advice, initialization }: Diagnosis): TopLevelSpec | null {
  if (advice.weightVariance === null) return null;
  const enough = advice.weightVariance.weightVariance;
  const reach = [net.weightVariance, ...(enough !== null && enough < 100 ? [enough] : []), 2];
  const { inputDim, outputDim, hiddenWidths, biasVariance, parametrization, biasGradients } = net;
  const points = grid(0.5 * Math.min(...reach), 1.35 * Math.max(...reach), 60, false).map(
    (at): [number, number] => {
      const other = createSpec({
        ...{ inputDim, outputDim, hiddenWidths, biasVariance, parametrization, biasGradients },
        weightVariance: at,
      });
      return [at, spreadOf(other, data.norm2.mean)];
    },
  );
  return lineChart(
    [{ name: 'exact', points }],
    { title: 'weight variance σ_w²', log: false },
    { title: 'spread of Θ', log: true, percent: true },
    {
      bound: boundAt(advice.spread),
      mark: { ...here(initialization), x: net.weightVariance, rising: true },
    },
  );
}

function specWith({
  inputDim,
  outputDim,
  weightVariance,
  biasVariance,
  parametrization,
  biasGradients,
}: Diagnosis['net']) {
  return { inputDim, outputDim, weightVariance, biasVariance, parametrization, biasGradients };
}

function spreadOf(spec: ReturnType<typeof createSpec>, inputNorm2: number): number {
  return moments(spec, { inputNorm2 }).relativeStandardDeviation;
}

function grid(from: number, to: number, count: number, log: boolean): number[] {
  return Array.from({ length: count + 1 }, (_, i) =>
    log ? from * (to / from) ** (i / count) : from + ((to - from) * i) / count,
  );
}

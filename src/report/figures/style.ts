/** What all figures look like: fonts, colours that colour-blind readers tell apart, and how values of sigma_w^2 are told apart. */
import type { Config, TopLevelSpec } from 'vega-lite';

import { type Phase, phaseOf } from '../../theory/classify-phase';
import { formatNumber, formatPower } from '../marks';
import { colourScheme, FONT } from '../render';

/** What figures are drawn from. */
export type FigureSpec = TopLevelSpec;

/** Okabe and Ito's palette, in the order that figures use it. */
export const COLOURS = {
  black: '#000000',
  blue: '#0072b2',
  orange: '#d55e00',
  green: '#009e73',
  purple: '#cc79a7',
  sky: '#56b4e9',
  grey: '#777777',
} as const;

export const CONFIG: Config = {
  font: FONT.replaceAll("'", ''),
  background: 'white',
  padding: 14,
  view: { stroke: '#bbb' },
  title: {
    anchor: 'start',
    fontSize: 17,
    offset: 14,
    color: '#111',
    subtitleFontSize: 12.5,
    subtitleColor: '#444',
    subtitlePadding: 6,
    subtitleLineHeight: 18,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titlePadding: 9,
    gridColor: '#e6e6e6',
    domainColor: '#888',
    tickColor: '#888',
    labelColor: '#222',
    titleColor: '#222',
    labelFlush: false,
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 'normal',
    labelColor: '#222',
    titleColor: '#222',
    symbolSize: 70,
    symbolStrokeWidth: 1.8,
    offset: 16,
    rowPadding: 3,
    labelLimit: 400,
  },
  header: { labelFontSize: 13, titleFontSize: 13, labelFontWeight: 'bold', titleFontWeight: 'normal' },
};

/** The title and, below it, lines about how the figure was made. */
export function heading(text: string, lines: readonly string[]) {
  return { text, subtitle: [...lines], anchor: 'start' as const };
}

/** The title of one of several panels. */
export function panelTitle(text: string) {
  return {
    text,
    anchor: 'start' as const,
    frame: 'group' as const,
    fontSize: 13.5,
    offset: 6,
    color: '#222',
  };
}

const SHAPES: Readonly<Record<Phase, string>> = {
  ordered: 'circle',
  'edge-of-chaos': 'square',
  chaotic: 'triangle-up',
};

/** One value of sigma_w^2 as a series of a figure. */
export interface VarianceSeries {
  readonly label: string;
  readonly colour: string;
  readonly shape: string;
}

/**
 * Blues in the ordered phase, black at the edge of chaos, oranges in the chaotic phase, the darker the nearer to the edge;
 * circles, squares and triangles.
 */
export function varianceSeries(weightVariances: readonly number[]): VarianceSeries[] {
  const sorted = [...new Set(weightVariances)].sort((a, b) => a - b);
  const ofPhase = (phase: Phase): number[] => sorted.filter((value) => phaseOf(value) === phase);
  const [ordered, chaotic] = [ofPhase('ordered'), ofPhase('chaotic')];
  const along = (i: number, count: number): number => (count === 1 ? 1 : i / (count - 1));
  return sorted.map((value) => {
    const phase = phaseOf(value);
    const colour =
      phase === 'ordered'
        ? shade('blues', 0.45 + 0.5 * along(ordered.indexOf(value), ordered.length))
        : phase === 'chaotic'
          ? shade('oranges', 0.95 - 0.5 * along(chaotic.indexOf(value), chaotic.length))
          : COLOURS.black;
    return { label: formatVariance(value), colour, shape: SHAPES[phase] };
  });
}

function shade(scheme: string, position: number): string {
  return `rgb(${colourScheme(scheme)(position).map(Math.round).join(', ')})`;
}

/** The text by which a figure's data and its legend name a value of sigma_w^2. */
export function formatVariance(value: number): string {
  return String(value);
}

/** Encodings that give each sigma_w^2 its colour and its shape, with one legend. */
export function varianceEncodings(weightVariances: readonly number[]) {
  const series = varianceSeries(weightVariances);
  const domain = series.map(({ label }) => label);
  const legend = { title: 'σ_w²', symbolType: 'circle' as const };
  const field = { field: 'sw2', type: 'nominal' as const, sort: domain };
  return {
    color: {
      ...field,
      scale: { domain, range: series.map(({ colour }) => colour) },
      legend: { title: legend.title },
    },
    shape: {
      ...field,
      scale: { domain, range: series.map(({ shape }) => shape) },
      legend: { title: legend.title },
    },
  };
}

/** "1, 1.5, 2", or the ends of a long list. */
export function listed(values: readonly number[]): string {
  if (values.length <= 6) return values.map(short).join(', ');
  return `${values.length} values from ${short(values[0]!)} to ${short(values.at(-1)!)}`;
}

export function short(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e12
    ? value.toLocaleString('en-US').replace('-', '−')
    : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6
      ? String(Number(value.toPrecision(4))).replace('-', '−')
      : formatNumber(value);
}

export const ORDERED_EDGE_CHAOTIC =
  'blue circles: ordered phase; black squares: edge of chaos; orange triangles: chaotic phase';

/** An expression for the labels of a logarithmic axis: powers of ten alone, 0.01 to 100 written out. */
export const POWER_LABELS = ((): string => {
  const powers = Array.from({ length: 400 }, (_, i) => i - 200);
  const labels = powers.map((exponent) => [exponent, formatPower(exponent, exponent >= -2 && exponent <= 2)]);
  const exponent = 'log(datum.value) / LN10';
  return `abs(${exponent} - round(${exponent})) < 1e-6 ? (${JSON.stringify(Object.fromEntries(labels))})[round(${exponent})] : ''`;
})();

/** A logarithmic scale that holds these numbers with some room; error bars that reach further are cut off at its ends. */
export function logScale(values: readonly number[]) {
  const positive = values.filter((value) => value > 0);
  const domain = [Math.min(...positive) / 1.4, Math.max(...positive) * 1.4];
  return { type: 'log' as const, domain, nice: false, clamp: true };
}

/** Axes of depth over width. */
export function lambdaAxis(width: number) {
  return {
    field: 'lambda',
    type: 'quantitative' as const,
    title: `λ = L/M, depth over width (M = ${width})`,
    scale: { nice: false, zero: true },
    axis: { tickCount: 8, format: '~g' },
  };
}

/** "100 → 100 × L → 1": inputs, hidden layers, output. */
export function netOf({ inputDim, width }: { readonly inputDim: number; readonly width: number }): string {
  return `ReLU nets ${inputDim} → ${width} × L → 1`;
}

export function biasesOf(biasGradients: boolean): string {
  return biasGradients ? 'biases are parameters' : 'no bias gradients';
}

/** A named series: a line, whose shape is `stroke`, or symbols. */
export interface Series {
  readonly label: string;
  readonly colour: string;
  readonly shape: string;
}

/** Encodings of the field `series` by colour and shape, with one legend inside the panel, or none. */
export function seriesEncodings(
  series: readonly Series[],
  orient: 'top-left' | 'bottom-left' | 'top-right' | null,
) {
  const domain = series.map(({ label }) => label);
  const legend =
    orient === null
      ? null
      : {
          title: null,
          orient,
          fillColor: 'white',
          strokeColor: '#ddd',
          padding: 8,
          offset: 8,
          symbolSize: 80,
        };
  const field = { field: 'series', type: 'nominal' as const };
  const colours = { domain, range: series.map(({ colour }) => colour) };
  return {
    color: { ...field, scale: colours, legend },
    shape: { ...field, scale: { domain, range: series.map(({ shape }) => shape) }, legend },
    /** The colour of one of them, for a layer that is this series alone. */
    colourOf: (label: string) => ({ datum: label, type: 'nominal' as const, scale: colours, legend }),
  };
}

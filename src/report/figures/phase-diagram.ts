/** The exact dispersion over sigma_w^2 and depth over width, on a logarithmic scale. */
import { createSpec } from '../../network/spec';
import { moments } from '../../theory/moments';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { common, integers, numbers, range, type ValuesOf } from './parameters';
import { biasesOf, CONFIG, heading, netOf, short, type FigureSpec } from './style';

const parameters = {
  weightVariances: numbers({
    default: range(0.5, 4, 0.05),
    quick: range(0.5, 4, 0.25),
    above: 0,
    flag: 'sw2',
    help: 'values of sigma_w^2',
  }),
  depths: integers({
    default: geometric(1, 200, 60),
    quick: geometric(1, 200, 12),
    help: 'numbers of hidden layers; lambda is depth over width',
  }),
  width: common.width(100),
  inputDim: common.inputDim(),
  inputNorm2: common.inputNorm2(),
  biasGradients: common.biasGradients(true),
  contours: numbers({
    default: [0.1, 0.2, 0.5, 1, 2, 10],
    above: 0,
    help: 'relative standard deviations of Theta to draw lines at',
  }),
};

type Values = ValuesOf<typeof parameters>;

const columns = {
  weightVariance: 'number',
  depth: 'number',
  lambda: 'number',
  dispersion: 'number',
  relativeStandardDeviation: 'number',
} as const;

export const phaseDiagram: Figure<Values, typeof parameters> = {
  name: 'phase-diagram',
  summary: 'the exact dispersion of the kernel over sigma_w^2 and depth over width',
  parameters,
  columns,
  onBackend: false,
  compute,
  specify,
};

/** About `count` different integers from one to the other, evenly spaced in their logarithms. */
function geometric(from: number, to: number, count: number): number[] {
  const values = Array.from({ length: count }, (_, i) => Math.round(from * (to / from) ** (i / (count - 1))));
  return [...new Set(values)];
}

async function compute(values: Values, { report }: FigureRun): Promise<FigureRow[]> {
  const { weightVariances, depths, width, inputDim, inputNorm2, biasGradients } = values;
  const rows: FigureRow[] = [];
  for (const [i, weightVariance] of weightVariances.entries()) {
    for (const depth of depths) {
      const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
      const { dispersion, relativeStandardDeviation } = moments(spec, { inputNorm2 });
      rows.push({ weightVariance, depth, lambda: depth / width, dispersion, relativeStandardDeviation });
    }
    report((i + 1) / weightVariances.length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, inputNorm2, biasGradients } = values;
  const across = cells(
    rows.map((row) => numberAt(row, 'weightVariance')),
    false,
  );
  const up = cells(
    rows.map((row) => numberAt(row, 'lambda')),
    true,
  );
  const data = rows.map((row) => {
    const [left, right] = across(numberAt(row, 'weightVariance'));
    const [low, high] = up(numberAt(row, 'lambda'));
    return {
      left,
      right: right + OVERLAP,
      low,
      high: high * (1 + OVERLAP),
      spread: numberAt(row, 'relativeStandardDeviation'),
    };
  });
  const [left, right] = [
    Math.min(...data.map((cell) => cell.left)),
    Math.max(...data.map((cell) => cell.right)) - OVERLAP,
  ];
  const [low, high] = [
    Math.min(...data.map((cell) => cell.low)),
    Math.max(...data.map((cell) => cell.high)) / (1 + OVERLAP),
  ];
  const x = {
    type: 'quantitative' as const,
    title: 'σ_w²',
    scale: { domain: [left, right], nice: false, zero: false },
    axis: { tickCount: 8, format: '~g', grid: false },
  };
  const y = {
    type: 'quantitative' as const,
    title: `λ = L/M, depth over width (M = ${width})`,
    scale: { type: 'log' as const, domain: [low, high], nice: false },
    axis: { format: '~g', grid: false },
  };
  const lines = contourLines(rows, values.contours);
  const labels = labelPlaces(lines, Math.max(...rows.map((row) => numberAt(row, 'weightVariance'))));
  return {
    title: heading('How much the NTK varies over initializations, exactly', [
      `Θ(x, x) of ${netOf(values)}, σ_b² = 0, |x|² = ${short(inputNorm2)}, ${biasesOf(biasGradients)}`,
      'colour and white lines: relative standard deviation of Θ; dashed: the edge of chaos, ordered phase to its left, chaotic to its right',
    ]),
    config: { ...CONFIG, axis: { ...CONFIG.axis, grid: false } },
    width: 600,
    height: 430,
    layer: [
      {
        data: { values: data },
        // No strokes: they would turn the legend's gradient into symbols. Cells overlap a little, so that no seam shows.
        mark: { type: 'rect', clip: true, aria: false },
        encoding: {
          x: { ...x, field: 'left' },
          x2: { field: 'right' },
          y: { ...y, field: 'low' },
          y2: { field: 'high' },
          color: spreadColour(data.map(({ spread }) => spread)),
        },
      },
      {
        data: { values: lines },
        mark: { type: 'rule', color: 'white', strokeWidth: 1.6, strokeCap: 'round', aria: false },
        encoding: {
          x: { ...x, field: 'x' },
          y: { ...y, field: 'y' },
          x2: { field: 'x2' },
          y2: { field: 'y2' },
        },
      },
      {
        data: { values: labels },
        mark: {
          type: 'text',
          color: 'white',
          fontSize: 12.5,
          fontWeight: 'bold',
          align: { expr: "datum.right ? 'right' : 'left'" },
          baseline: { expr: "datum.right ? 'bottom' : 'top'" },
          dx: { expr: 'datum.right ? -4 : 5' },
          dy: { expr: 'datum.right ? -3 : 4' },
        },
        encoding: {
          x: { ...x, field: 'x' },
          y: { ...y, field: 'y' },
          text: { field: 'label', type: 'nominal' },
        },
      },
      ...(left < 2 && right > 2
        ? [
            {
              data: { values: [{ edge: 2 }] },
              mark: { type: 'rule' as const, color: 'white', strokeDash: [6, 5], strokeWidth: 1.6 },
              encoding: { x: { ...x, field: 'edge' } },
            },
          ]
        : []),
    ],
  };
}

/** In the units of the axes. */
const OVERLAP = 0.01;

function spreadColour(spreads: readonly number[]) {
  const [low, high] = [Math.min(...spreads), Math.max(...spreads)];
  const ticks = range(-8, 12).flatMap((exponent) => [10 ** exponent, 3 * 10 ** exponent]);
  return {
    field: 'spread',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, scheme: 'viridis' as const, nice: false },
    legend: {
      type: 'gradient' as const,
      title: ['relative standard', 'deviation of Θ'],
      titlePadding: 12,
      gradientLength: 360,
      gradientThickness: 16,
      values: ticks.filter((tick) => tick >= low && tick <= high),
      labelExpr: "format(100 * datum.value, datum.value < 10 ? '~g' : ',') + ' %'",
    },
  };
}

/** From the middle of a cell to its two ends, half way to the neighbours'. */
function cells(
  middles: readonly number[],
  logarithmic: boolean,
): (middle: number) => readonly [number, number] {
  const sorted = [...new Set(middles)]
    .sort((a, b) => a - b)
    .map((value) => (logarithmic ? Math.log(value) : value));
  const first = sorted.length > 1 ? sorted[1]! - sorted[0]! : 1;
  const last = sorted.length > 1 ? sorted.at(-1)! - sorted.at(-2)! : 1;
  const ends = [
    sorted[0]! - first / 2,
    ...sorted.slice(1).map((value, i) => (sorted[i]! + value) / 2),
    sorted.at(-1)! + last / 2,
  ];
  const back = (value: number): number => (logarithmic ? Math.exp(value) : value);
  return (middle) => {
    const at = sorted.indexOf(logarithmic ? Math.log(middle) : middle);
    return [back(ends[at]!), back(ends[at + 1]!)];
  };
}

/** A piece of a contour line, from one edge of a cell of the grid to another. */
interface Segment {
  readonly contour: number;
  readonly x: number;
  readonly y: number;
  readonly x2: number;
  readonly y2: number;
}

/**
 * Marching triangles over the points of the table: each cell of the grid has two, and in each a contour is a straight
 * line between edges whose ends it separates. Linear in sigma_w^2, log lambda and the logarithm of the deviation.
 */
function contourLines(rows: readonly FigureRow[], contours: readonly number[]): Segment[] {
  const across = [...new Set(rows.map((row) => numberAt(row, 'weightVariance')))].sort((a, b) => a - b);
  const up = [...new Set(rows.map((row) => numberAt(row, 'lambda')))].sort((a, b) => a - b);
  const points = new Map(
    rows.map((row) => {
      const [x, lambda] = [numberAt(row, 'weightVariance'), numberAt(row, 'lambda')];
      const height = Math.log(numberAt(row, 'relativeStandardDeviation'));
      return [`${x},${lambda}`, { x, y: Math.log(lambda), height }];
    }),
  );
  const at = (i: number, j: number) => points.get(`${across[i]!},${up[j]!}`);
  const segments: Segment[] = [];
  for (const contour of contours) {
    const level = Math.log(contour);
    for (let i = 0; i + 1 < across.length; i++) {
      for (let j = 0; j + 1 < up.length; j++) {
        for (const [di, dj] of [
          [1, 0],
          [0, 1],
        ] as const) {
          const corners = [at(i, j), at(i + di, j + dj), at(i + 1, j + 1)];
          const ends = corners.flatMap((a, k) => {
            const b = corners[(k + 1) % 3];
            if (a === undefined || b === undefined || a.height < level === b.height < level) return [];
            const share = (level - a.height) / (b.height - a.height);
            return [{ x: a.x + share * (b.x - a.x), y: Math.exp(a.y + share * (b.y - a.y)) }];
          });
          const [from, to] = ends;
          if (from !== undefined && to !== undefined) segments.push({ contour, ...from, x2: to.x, y2: to.y });
        }
      }
    }
  }
  return segments;
}

/** At the right end of a contour that reaches the right edge, else at its top. */
function labelPlaces(lines: readonly Segment[], edge: number) {
  const contours = [...new Set(lines.map(({ contour }) => contour))];
  return contours.map((contour) => {
    const ends = lines
      .filter((line) => line.contour === contour)
      .flatMap(({ x, y, x2, y2 }) => [
        { x, y },
        { x: x2, y: y2 },
      ]);
    const furthest = ends.reduce((best, end) => (end.x > best.x ? end : best));
    const highest = ends.reduce((best, end) => (end.y > best.y ? end : best));
    const right = furthest.x >= edge;
    return { ...(right ? furthest : highest), right, label: `${short(100 * contour)} %` };
  });
}

/** Plain Monte Carlo against tilted sampling, with the exact dispersion: how the plain one fails without a sign of it. */
import { createSpec } from '../../network/spec';
import { estimateDispersion } from '../../sampling/one-input/dispersion';
import { phaseOf } from '../../theory/classify-phase';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { common, integers, netParameters, range, type ValuesOf } from './parameters';
import {
  biasesOf,
  COLOURS,
  CONFIG,
  heading,
  lambdaAxis,
  netOf,
  panelTitle,
  POWER_LABELS,
  seriesEncodings,
  short,
  type FigureSpec,
} from './style';

const parameters = {
  depths: integers({
    default: range(20, 500, 20),
    quick: [50, 200, 500],
    help: 'numbers of hidden layers; lambda is depth over width',
  }),
  ...netParameters({ width: 100, biasGradients: true }),
  replicas: common.replicas(20_000, 2000),
  seed: common.seed(),
};

type Values = ValuesOf<typeof parameters>;

const SAMPLERS = ['chain', 'tilted'] as const;

const columns = {
  depth: 'number',
  lambda: 'number',
  exact: 'number',
  plain: 'number',
  plainRelativeError: 'number',
  plainLargestShare: 'number',
  tilted: 'number',
  tiltedRelativeError: 'number',
  tiltedLargestShare: 'number',
} as const;

export const plainVsTilted: Figure<Values, typeof parameters> = {
  name: 'plain-vs-tilted',
  summary: 'estimates of the dispersion against depth over width: how plain Monte Carlo silently fails',
  parameters,
  columns,
  onBackend: true,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { report, compute: options }: FigureRun): Promise<FigureRow[]> {
  const { depths, width, inputDim, inputNorm2, weightVariance, biasGradients, replicas, seed } = values;
  const rows: FigureRow[] = [];
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  let done = 0;
  for (const [i, depth] of depths.entries()) {
    const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
    const [plain, tilted] = await Promise.all(
      SAMPLERS.map((sampler) =>
        estimateDispersion(spec, {
          replicas,
          firstReplica: i * replicas,
          sampler,
          inputNorm2,
          seed,
          ...options,
        }),
      ),
    );
    rows.push({
      depth,
      lambda: depth / width,
      exact: plain!.exact,
      plain: plain!.dispersion,
      plainRelativeError: plain!.relativeErrors.dispersion,
      plainLargestShare: plain!.largestShare,
      tilted: tilted!.dispersion,
      tiltedRelativeError: tilted!.relativeErrors.dispersion,
      tiltedLargestShare: tilted!.largestShare,
    });
    done += depth;
    report(done / total);
  }
  return rows;
}

const EXACT = { label: 'exact', colour: COLOURS.black, shape: 'stroke' };
const SERIES = [
  { name: 'plain', label: 'plain Monte Carlo', colour: COLOURS.orange, shape: 'triangle-up' },
  { name: 'tilted', label: 'tilted sampler', colour: COLOURS.blue, shape: 'circle' },
] as const;

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, inputNorm2, weightVariance, biasGradients, replicas, seed } = values;
  const data = rows.flatMap((row) =>
    SERIES.map(({ name, label }) => {
      const [estimate, exact] = [numberAt(row, name), numberAt(row, 'exact')];
      const reach = Math.exp(2 * numberAt(row, `${name}RelativeError`));
      return {
        lambda: row['lambda'],
        series: label,
        estimate,
        exact,
        low: estimate / reach,
        high: estimate * reach,
        share: estimate / exact,
        shareLow: estimate / exact / reach,
        shareHigh: (estimate / exact) * reach,
      };
    }),
  );
  const x = lambdaAxis(width);
  const panel = (
    height: number,
    fields: { value: string; low: string; high: string; line: object },
    title: string,
    legend: 'top-left' | null,
  ) => {
    const { color, shape, colourOf } = seriesEncodings([EXACT, ...SERIES], legend);
    const y = {
      type: 'quantitative' as const,
      scale: { type: 'log' as const },
      title,
      axis: { labelExpr: POWER_LABELS, tickCount: 8 },
    };
    return {
      width: 620,
      height,
      layer: [
        {
          mark: { type: 'line' as const, strokeWidth: 2 },
          encoding: { x, y: { ...y, ...fields.line }, color: colourOf(EXACT.label) },
        },
        {
          mark: { type: 'rule' as const, strokeWidth: 1.5 },
          encoding: { x, y: { ...y, field: fields.low }, y2: { field: fields.high }, color },
        },
        {
          mark: { type: 'point' as const, filled: true, size: 55, opacity: 1 },
          encoding: { x, y: { ...y, field: fields.value }, color, shape },
        },
      ],
    };
  };
  const phase = phaseOf(weightVariance).replaceAll('-', ' ');
  return {
    title: heading('How plain Monte Carlo of the dispersion silently fails', [
      `Θ(x, x) of ${netOf(values)}, σ_w² = ${short(weightVariance)} (${phase}), σ_b² = 0, |x|² = ${short(inputNorm2)}, ${biasesOf(biasGradients)}`,
      `${short(replicas)} replicas for each point, seed ${seed}; bars: ± 2 standard errors as estimated from the same replicas`,
    ]),
    data: { values: data },
    config: CONFIG,
    resolve: { scale: { color: 'independent', shape: 'independent' } },
    vconcat: [
      panel(
        300,
        { value: 'estimate', low: 'low', high: 'high', line: { field: 'exact' } },
        'R = E[Θ²]/E[Θ]²',
        'top-left',
      ),
      {
        title: panelTitle('Estimate over exact value: 1 is right'),
        ...panel(
          170,
          { value: 'share', low: 'shareLow', high: 'shareHigh', line: { datum: 1 } },
          'estimate / exact',
          null,
        ),
      },
    ],
  };
}

function conclude(rows: readonly FigureRow[]): Record<string, number | null> {
  const off = (row: FigureRow): boolean =>
    Math.log(numberAt(row, 'exact') / numberAt(row, 'plain')) > 4 * numberAt(row, 'plainRelativeError');
  const worst = (name: string): number =>
    Math.max(...rows.map((row) => Math.abs(Math.log(numberAt(row, name) / numberAt(row, 'exact')))));
  return {
    plainFailsFrom: rows
      .filter(off)
      .reduce<number | null>((least, row) => Math.min(least ?? Infinity, numberAt(row, 'lambda')), null),
    plainWorstFactor: Math.exp(worst('plain')),
    tiltedWorstFactor: Math.exp(worst('tilted')),
  };
}

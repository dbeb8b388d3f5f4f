/** The exact dispersion, that of the gradient-independence assumption, and what nets say. theory.md, section 3. */
import { createSpec } from '../../network/spec';
import { estimateDispersion } from '../../sampling/one-input/dispersion';
import { moments } from '../../theory/moments';
import { phaseOf } from '../../theory/classify-phase';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { common, integer, integers, netParameters, range, type ValuesOf } from './parameters';
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
  depths: integers({ default: range(1, 24), quick: [2, 4, 8, 12], help: 'numbers of hidden layers' }),
  plainDepths: integers({
    default: range(1, 6),
    quick: [2, 4],
    help: 'those at which plain Monte Carlo is run too; deeper ones need more than any feasible number of replicas',
  }),
  ...netParameters({ width: 16, inputDim: 16, biasGradients: false }),
  replicas: common.replicas(200_000, 5000),
  chainReplicas: integer({ default: 1_000_000, quick: 20_000, min: 2, help: 'plain replicas of the chain' }),
  directReplicas: integer({ default: 20_000, quick: 1000, min: 2, help: 'real nets of each point' }),
  seed: common.seed(),
};

type Values = ValuesOf<typeof parameters>;

const columns = {
  depth: 'number',
  lambda: 'number',
  exact: 'number',
  gradientIndependence: 'number',
  tilted: 'optional',
  tiltedRelativeError: 'optional',
  chain: 'optional',
  chainRelativeError: 'optional',
  direct: 'optional',
  directRelativeError: 'optional',
} as const;

export const independenceAssumption: Figure<Values, typeof parameters> = {
  name: 'independence-assumption',
  summary: 'the exact dispersion and that of the gradient-independence assumption against measurement',
  parameters,
  columns,
  onBackend: true,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { report, compute: options }: FigureRun): Promise<FigureRow[]> {
  const {
    plainDepths,
    width,
    inputDim,
    inputNorm2,
    weightVariance,
    biasGradients,
    replicas,
    chainReplicas,
    directReplicas,
    seed,
  } = values;
  const depths = [...new Set([...values.depths, ...plainDepths])].sort((a, b) => a - b);
  // A net drawn in whole takes about a hundred times as long as a chain.
  const costs = depths.map(
    (depth) =>
      Number(values.depths.includes(depth)) * replicas +
      Number(plainDepths.includes(depth)) * (chainReplicas / 2 + 100 * directReplicas),
  );
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  let done = 0;
  const rows: FigureRow[] = [];
  for (const [i, depth] of depths.entries()) {
    const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
    const estimate = async (sampler: 'tilted' | 'chain' | 'direct', count: number, asked: boolean) => {
      if (!asked) return { dispersion: null, relativeErrors: { dispersion: null } };
      const range = { replicas: count, firstReplica: i * count };
      return estimateDispersion(spec, { ...range, sampler, inputNorm2, seed, ...options });
    };
    const tilted = await estimate('tilted', replicas, values.depths.includes(depth));
    const chain = await estimate('chain', chainReplicas, plainDepths.includes(depth));
    const direct = await estimate('direct', directReplicas, plainDepths.includes(depth));
    rows.push({
      depth,
      lambda: depth / width,
      exact: moments(spec, { inputNorm2 }).dispersion,
      gradientIndependence: moments(spec, { inputNorm2, assumption: 'gradient-independence' }).dispersion,
      tilted: tilted.dispersion,
      tiltedRelativeError: tilted.relativeErrors.dispersion,
      chain: chain.dispersion,
      chainRelativeError: chain.relativeErrors.dispersion,
      direct: direct.dispersion,
      directRelativeError: direct.relativeErrors.dispersion,
    });
    done += costs[i]!;
    report(done / total);
  }
  return rows;
}

const LINES = [
  { name: 'exact', label: 'exact', colour: COLOURS.black, shape: 'stroke', dash: [1, 0] },
  {
    name: 'gradientIndependence',
    label: 'gradient-independence assumption',
    colour: COLOURS.orange,
    shape: 'stroke',
    dash: [7, 4],
  },
] as const;
/** The last ones are drawn on top. */
const POINTS = [
  { name: 'tilted', label: 'tilted chain', colour: COLOURS.blue, shape: 'circle' },
  { name: 'chain', label: 'plain chain', colour: COLOURS.purple, shape: 'diamond' },
  { name: 'direct', label: 'real nets', colour: COLOURS.green, shape: 'square' },
] as const;

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, inputNorm2, weightVariance, biasGradients, replicas, chainReplicas, directReplicas, seed } =
    values;
  const lines = rows.flatMap((row) =>
    LINES.map(({ name, label }) => ({
      lambda: row['lambda'],
      series: label,
      value: numberAt(row, name),
      share: numberAt(row, name) / numberAt(row, 'exact'),
    })),
  );
  const points = rows.flatMap((row) =>
    POINTS.filter(({ name }) => row[name] !== null).map(({ name, label }) => {
      const [value, exact] = [numberAt(row, name), numberAt(row, 'exact')];
      const reach = Math.exp(2 * numberAt(row, `${name}RelativeError`));
      return {
        lambda: row['lambda'],
        series: label,
        value,
        low: value / reach,
        high: value * reach,
        share: value / exact,
        shareLow: value / exact / reach,
        shareHigh: (value * reach) / exact,
      };
    }),
  );
  const x = lambdaAxis(width);
  const panel = (height: number, name: 'value' | 'share', legend: 'top-left' | null, y: object) => {
    const { color, shape, colourOf } = seriesEncodings([...LINES, ...POINTS], legend);
    const field = (column: string) => ({ field: column, type: 'quantitative' as const, ...y });
    const [low, high] = name === 'value' ? ['low', 'high'] : ['shareLow', 'shareHigh'];
    return {
      width: 600,
      height,
      layer: [
        ...LINES.map(({ label, dash }) => ({
          data: { values: lines.filter(({ series }) => series === label) },
          mark: { type: 'line' as const, strokeWidth: 2, strokeDash: [...dash] },
          encoding: { x, y: field(name), color: colourOf(label) },
        })),
        {
          data: { values: points },
          mark: { type: 'rule' as const, strokeWidth: 1.5 },
          encoding: { x, y: field(low), y2: { field: high }, color },
        },
        {
          data: { values: points },
          mark: { type: 'point' as const, filled: true, size: 48, opacity: 1 },
          encoding: { x, y: field(name), color, shape },
        },
      ],
    };
  };
  const phase = phaseOf(weightVariance).replaceAll('-', ' ');
  return {
    title: heading('What the gradient-independence assumption misses', [
      `Θ(x, x) of ${netOf(values)}, σ_w² = ${short(weightVariance)} (${phase}), σ_b² = 0, |x|² = ${short(inputNorm2)}, ${biasesOf(biasGradients)}`,
      `${short(directReplicas)} real nets, ${short(chainReplicas)} plain or ${short(replicas)} tilted replicas of the chain for each point, seed ${seed}; bars: ± 2 standard errors`,
    ]),
    config: CONFIG,
    resolve: { scale: { color: 'independent', shape: 'independent' } },
    vconcat: [
      panel(280, 'value', 'top-left', {
        title: 'R = E[Θ²]/E[Θ]²',
        scale: { type: 'log' },
        axis: { labelExpr: POWER_LABELS },
      }),
      {
        title: panelTitle('Over the exact value'),
        ...panel(220, 'share', null, {
          title: 'R / exact R',
          scale: { zero: false },
          axis: { tickCount: 6 },
        }),
      },
    ],
  };
}

function conclude(rows: readonly FigureRow[]): Record<string, number> {
  const rejections = rows.flatMap((row) =>
    POINTS.filter(({ name }) => row[name] !== null).map(({ name }) => {
      const error = numberAt(row, `${name}RelativeError`);
      const distance = (column: string): number =>
        Math.abs(Math.log(numberAt(row, name) / numberAt(row, column))) / error;
      return [distance('exact'), distance('gradientIndependence')] as const;
    }),
  );
  return {
    largestDistanceFromExactInStandardErrors: Math.max(...rejections.map(([exact]) => exact)),
    largestDistanceFromIndependenceInStandardErrors: Math.max(...rejections.map(([, other]) => other)),
  };
}

/** The dispersion of the diagonal against depth, for every sigma_w^2: theory.md, section 7A. */
import { createSpec } from '../../network/spec';
import { estimateDispersion } from '../../sampling/one-input/dispersion';
import { SAMPLERS } from '../../sampling/samplers';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { choice, common, integers, range, type ValuesOf } from './parameters';
import {
  biasesOf,
  CONFIG,
  formatVariance,
  heading,
  netOf,
  ORDERED_EDGE_CHAOTIC,
  short,
  varianceEncodings,
  type FigureSpec,
} from './style';

const parameters = {
  depths: integers({ default: range(1, 49), quick: [1, 5, 10, 25], help: 'numbers of hidden layers' }),
  weightVariances: common.weightVariances(
    [0.5, 0.8, 1, 1.2, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.1, 2.2, 2.5, 3, 3.5],
    [1, 1.8, 2, 2.2],
  ),
  width: common.width(100),
  inputDim: common.inputDim(),
  inputNorm2: common.inputNorm2(),
  biasGradients: common.biasGradients(true),
  replicas: common.replicas(2000, 500),
  sampler: choice({
    default: 'auto',
    choices: ['auto', ...SAMPLERS],
    help: 'how replicas are drawn (docs/sampling.md)',
  }),
  seed: common.seed(),
};

type Values = ValuesOf<typeof parameters>;

const columns = {
  depth: 'number',
  weightVariance: 'number',
  dispersion: 'number',
  standardError: 'number',
  exact: 'number',
} as const;

export const dispersionVsDepth: Figure<Values, typeof parameters> = {
  name: 'dispersion-vs-depth',
  summary: 'how much the kernel of one input varies over initializations, against depth, for every sigma_w^2',
  parameters,
  columns,
  onBackend: true,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { report, compute: options }: FigureRun): Promise<FigureRow[]> {
  const { depths, weightVariances, width, inputDim, inputNorm2, biasGradients, replicas, sampler, seed } =
    values;
  const points = depths.flatMap((depth) =>
    weightVariances.map((weightVariance) => ({ depth, weightVariance })),
  );
  const rows: FigureRow[] = [];
  for (const [i, { depth, weightVariance }] of points.entries()) {
    const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
    const { dispersion, standardError, exact } = await estimateDispersion(spec, {
      replicas,
      // Replicas of their own for every point: errors of neighbours are independent.
      firstReplica: i * replicas,
      sampler,
      inputNorm2,
      seed,
      ...options,
    });
    rows.push({ depth, weightVariance, dispersion, standardError, exact });
    report((i + 1) / points.length);
  }
  return rows;
}

/** In units of standard errors: what error bars of all figures reach. */
const REACH = 2;

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, inputNorm2, replicas, sampler, seed, biasGradients } = values;
  const data = rows.map((row) => {
    const [dispersion, error] = [numberAt(row, 'dispersion'), numberAt(row, 'standardError')];
    const floor = (dispersion - 1) / 100;
    return {
      depth: row['depth'],
      sw2: formatVariance(numberAt(row, 'weightVariance')),
      exact: numberAt(row, 'exact') - 1,
      measured: dispersion - 1,
      low: Math.max(floor, dispersion - 1 - REACH * error),
      high: dispersion - 1 + REACH * error,
    };
  });
  const { color, shape } = varianceEncodings(rows.map((row) => numberAt(row, 'weightVariance')));
  const x = {
    field: 'depth',
    type: 'quantitative' as const,
    title: `depth L (hidden layers of width M = ${width})`,
    scale: { nice: false, zero: true },
    axis: { tickCount: 10 },
  };
  const y = {
    type: 'quantitative' as const,
    scale: { type: 'log' as const },
    title: 'relative variance  E[Θ²]/E[Θ]² − 1',
  };
  return {
    title: heading('Dispersion of the NTK at initialization against depth', [
      `Θ(x, x) of ${netOf(values)}, σ_b² = 0, |x|² = ${short(inputNorm2)}, ${biasesOf(biasGradients)}`,
      `lines: exact; symbols: ${short(replicas)} initializations each (sampler ${sampler}, seed ${seed}), bars: ± ${REACH} standard errors`,
      ORDERED_EDGE_CHAOTIC,
    ]),
    data: { values: data },
    width: 640,
    height: 460,
    config: CONFIG,
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: { x, y: { ...y, field: 'exact' }, color },
      },
      {
        mark: { type: 'rule', strokeWidth: 1 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point', filled: true, size: 24, opacity: 1 },
        encoding: { x, y: { ...y, field: 'measured' }, color, shape },
      },
    ],
  };
}

function conclude(rows: readonly FigureRow[]): Record<string, number> {
  const distances = rows
    .filter((row) => numberAt(row, 'standardError') > 0)
    .map(
      (row) =>
        Math.abs(numberAt(row, 'dispersion') - numberAt(row, 'exact')) / numberAt(row, 'standardError'),
    );
  return {
    largestDistanceInStandardErrors: Math.max(...distances),
    meanSquaredDistance: distances.reduce((sum, distance) => sum + distance ** 2, 0) / distances.length,
  };
}

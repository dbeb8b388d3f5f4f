/** Two inputs: the ratio of the off-diagonal to the diagonal, and both dispersions. theory.md, sections 6 and 7A. */
import { createSpec } from '../../network/spec';
import { inputsAtCosines } from '../../sampling/matrix/inputs';
import { sampleNtk } from '../../sampling/matrix/sample-ntk';
import { moments } from '../../theory/moments';
import { infiniteWidthRatio } from '../../theory/off-diagonal';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { BATCHES, jackknife } from './jackknife';
import { common, integer, integers, numbers, range, type ValuesOf } from './parameters';
import {
  biasesOf,
  CONFIG,
  formatVariance,
  heading,
  lambdaAxis,
  logScale,
  netOf,
  ORDERED_EDGE_CHAOTIC,
  panelTitle,
  short,
  varianceEncodings,
  type FigureSpec,
} from './style';

const parameters = {
  depths: integers({
    default: [1, 4, ...range(8, 48, 8)],
    quick: [1, 5, 10],
    help: 'numbers of hidden layers; the paper has 1:49:1',
  }),
  weightVariances: common.weightVariances([1, 1.5, 1.8, 2, 2.2, 3], [1, 2, 3]),
  cosines: numbers({
    default: range(0, 1, 0.1),
    quick: [0, 0.5, 1],
    min: -1,
    max: 1,
    help: 'cosines of the angle between the two inputs',
  }),
  cosineDepth: integer({ default: 24, quick: 5, help: 'the depth of the panels against the cosine' }),
  width: common.width(100),
  inputDim: common.inputDim(),
  biasGradients: common.biasGradients(true),
  replicas: integer({
    default: 400,
    quick: 40,
    min: 2 * BATCHES,
    help: `random initializations of each depth, in ${BATCHES} batches; the paper has 500`,
  }),
  seed: common.seed(),
};

type Values = ValuesOf<typeof parameters>;

const columns = {
  depth: 'number',
  lambda: 'number',
  weightVariance: 'number',
  cosine: 'number',
  ratio: 'number',
  ratioError: 'number',
  infiniteWidthRatio: 'number',
  dispersion: 'number',
  dispersionError: 'number',
  diagonalDispersion: 'number',
  diagonalDispersionError: 'number',
  exactDiagonalDispersion: 'number',
} as const;

export const offdiagonal: Figure<Values, typeof parameters> = {
  name: 'offdiagonal',
  summary:
    'off-diagonal over diagonal, and the dispersion of both, against depth over width and the cosine of the inputs',
  parameters,
  columns,
  onBackend: true,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { report, compute: options }: FigureRun): Promise<FigureRow[]> {
  const { weightVariances, cosines, width, inputDim, biasGradients, replicas, seed } = values;
  const depths = depthsOf(values);
  // The first input has cosine 1 with itself; the others' kernels with it are row 0.
  const inputs = inputsAtCosines([1, ...cosines], inputDim);
  const size = Math.floor(replicas / BATCHES);
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  let done = 0;
  const rows: FigureRow[] = [];
  for (const depth of depths) {
    const spec = createSpec({ inputDim, depth, width, biasGradients });
    const batches = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      const { byWeightVariance } = await sampleNtk(spec, inputs, {
        replicas: size,
        firstReplica: batch * size,
        seed,
        weightVariances,
        ...options,
      });
      batches.push(byWeightVariance);
      done += depth / BATCHES;
      report(Math.min(1, done / total));
    }
    for (const [v, weightVariance] of weightVariances.entries()) {
      const ofVariance = batches.map((batch) => batch[v]!);
      const drawn = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
      const exact = moments(drawn).dispersion;
      for (const [c, cosine] of cosines.entries()) {
        // Averages of Theta, Theta', Theta^2, Theta'^2, with Theta = Theta(x, x) and Theta' = Theta(x, x').
        const averages = ofVariance.map(({ mean, variance }) => {
          const square = (at: number): number =>
            mean.data[at]! ** 2 + (variance.data[at]! * (size - 1)) / size;
          return [mean.data[0]!, mean.data[c + 1]!, square(0), square(c + 1)];
        });
        const ratio = jackknife(averages, ([same, other]) => other! / same!);
        const off = jackknife(averages, ([, other, , square]) => square! / other! ** 2);
        const diagonal = jackknife(averages, ([same, , square]) => square! / same! ** 2);
        rows.push({
          depth,
          lambda: depth / width,
          weightVariance,
          cosine,
          ratio: ratio.value,
          ratioError: ratio.standardError,
          infiniteWidthRatio: infiniteWidthRatio(drawn, { cosine }),
          dispersion: off.value,
          dispersionError: off.standardError,
          diagonalDispersion: diagonal.value,
          diagonalDispersionError: diagonal.standardError,
          exactDiagonalDispersion: exact,
        });
      }
    }
  }
  return rows;
}

function depthsOf({ depths, cosineDepth }: Values): number[] {
  return [...new Set([...depths, cosineDepth])].sort((a, b) => a - b);
}

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, seed, replicas, biasGradients, cosineDepth } = values;
  const widest = Math.min(...rows.map((row) => numberAt(row, 'cosine')));
  const data = rows.map((row) => {
    const at = (column: string): number => numberAt(row, column);
    return {
      ...row,
      sw2: formatVariance(at('weightVariance')),
      ratioLow: at('ratio') - 2 * at('ratioError'),
      ratioHigh: at('ratio') + 2 * at('ratioError'),
      spread: at('dispersion') - 1,
      spreadLow: Math.max((at('dispersion') - 1) / 1e3, at('dispersion') - 1 - 2 * at('dispersionError')),
      spreadHigh: at('dispersion') - 1 + 2 * at('dispersionError'),
    };
  });
  const { color, shape } = varianceEncodings(rows.map((row) => numberAt(row, 'weightVariance')));
  const againstDepth = {
    x: { ...lambdaAxis(width), axis: { tickCount: 6, format: '~g' } },
    filter: `datum.cosine === ${widest}`,
    theory: theoryAgainstDepth(values, widest),
  };
  const againstCosine = {
    x: {
      field: 'cosine',
      type: 'quantitative' as const,
      title: "cosine of the angle between x and x'",
      scale: { nice: false, zero: false },
      axis: { tickCount: 6, format: '~g' },
    },
    filter: `datum.depth === ${cosineDepth}`,
    theory: theoryAgainstCosine(values),
  };
  const spreads = data.map(({ spread }) => spread);
  const exactSpreads = [...againstDepth.theory, ...againstCosine.theory].map(
    ({ exactSpread }) => exactSpread,
  );
  const ratio = {
    name: 'ratio',
    title: "E Θ(x, x') / E Θ(x, x)",
    theory: 'infiniteWidth',
    scale: { zero: true, nice: true },
  };
  const spread = {
    name: 'spread',
    title: 'relative variance  E[Θ²]/E[Θ]² − 1',
    theory: 'exactSpread',
    scale: logScale([...spreads, ...exactSpreads]),
  };
  const panel = (
    title: string,
    { x, filter, theory }: typeof againstDepth | typeof againstCosine,
    y: typeof ratio | typeof spread,
  ) => {
    const field = (name: string) => ({
      field: name,
      type: 'quantitative' as const,
      title: y.title,
      scale: y.scale,
    });
    const transform = [{ filter }];
    return {
      title: panelTitle(title),
      width: 360,
      height: 280,
      layer: [
        {
          data: { values: theory },
          mark: { type: 'line' as const, strokeWidth: 1.5, strokeDash: y === ratio ? [6, 4] : [1, 0] },
          encoding: { x, y: field(y.theory), color },
        },
        {
          transform,
          mark: { type: 'rule' as const, strokeWidth: 1.3, clip: true },
          encoding: { x, y: field(`${y.name}Low`), y2: { field: `${y.name}High` }, color },
        },
        {
          transform,
          mark: { type: 'point' as const, filled: true, size: 42, opacity: 1 },
          encoding: { x, y: field(y.name), color, shape },
        },
      ],
    };
  };
  return {
    title: heading('The NTK of two inputs at initialization: ratio and dispersion', [
      `${netOf(values)}, σ_b² = 0, |x| = |x'| = 1, ${biasesOf(biasGradients)}; ${short(replicas)} initializations for each depth, seed ${seed}`,
      'symbols: measured, bars: ± 2 standard errors; dashed: infinite width; solid: exact, of the diagonal Θ(x, x)',
      ORDERED_EDGE_CHAOTIC,
    ]),
    data: { values: data },
    config: CONFIG,
    vconcat: [
      {
        hconcat: [
          panel(`Ratio, inputs at cosine ${short(widest)}`, againstDepth, ratio),
          panel(`Ratio at depth ${cosineDepth}`, againstCosine, ratio),
        ],
      },
      {
        hconcat: [
          panel(`Dispersion of Θ(x, x'), inputs at cosine ${short(widest)}`, againstDepth, spread),
          panel(`Dispersion of Θ(x, x') at depth ${cosineDepth}`, againstCosine, spread),
        ],
      },
    ],
  };
}

interface TheoryPoint {
  readonly sw2: string;
  readonly lambda: number;
  readonly cosine: number;
  readonly infiniteWidth: number;
  readonly exactSpread: number;
}

function theoryAgainstDepth(values: Values, cosine: number): TheoryPoint[] {
  const last = Math.max(...depthsOf(values));
  const depths = range(1, last, Math.max(1, Math.floor(last / 100)));
  return values.weightVariances.flatMap((sw2) =>
    depths.map((depth) => theoryPoint(values, sw2, depth, cosine)),
  );
}

function theoryAgainstCosine(values: Values): TheoryPoint[] {
  const [first, last] = [Math.min(...values.cosines), Math.max(...values.cosines)];
  const steps = 100;
  // Nearer to the end at 1, where the ratio rises like a square root.
  const cosines = Array.from({ length: steps + 1 }, (_, i) => last - (last - first) * (1 - i / steps) ** 3);
  return values.weightVariances.flatMap((sw2) =>
    cosines.map((cosine) => theoryPoint(values, sw2, values.cosineDepth, cosine)),
  );
}

function theoryPoint(values: Values, weightVariance: number, depth: number, cosine: number): TheoryPoint {
  const { width, inputDim, biasGradients } = values;
  const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
  return {
    sw2: formatVariance(weightVariance),
    lambda: depth / width,
    cosine,
    infiniteWidth: infiniteWidthRatio(spec, { cosine }),
    exactSpread: moments(spec).relativeVariance,
  };
}

function conclude(rows: readonly FigureRow[]): Record<string, number> {
  const distances = rows.map(
    (row) =>
      Math.abs(numberAt(row, 'diagonalDispersion') - numberAt(row, 'exactDiagonalDispersion')) /
      numberAt(row, 'diagonalDispersionError'),
  );
  return { largestDistanceOfDiagonalInStandardErrors: Math.max(...distances) };
}

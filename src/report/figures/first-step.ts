/** The change of the kernel in one step of gradient descent against depth over width: theory.md, sections 5 and 7C. */
import { createSpec } from '../../network/spec';
import { firstStepChange } from '../../theory/first-step';
import { type FirstStepRow, firstStepStudy } from '../../training/first-step';
import { type Figure, type FigureRun, numberAt, type FigureRow } from './figure';
import { BATCHES, jackknife } from './jackknife';
import { common, integer, integers, number, range, type ValuesOf } from './parameters';
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
  POWER_LABELS,
  short,
  varianceEncodings,
  type FigureSpec,
} from './style';

const parameters = {
  depths: integers({ default: range(2, 16, 2), quick: [2, 6], help: 'numbers of hidden layers' }),
  weightVariances: common.weightVariances([1, 1.5, 1.8, 2, 2.2, 2.5], [1, 2]),
  width: common.width(32),
  inputDim: common.inputDim(32),
  inputNorm2: common.inputNorm2(),
  biasGradients: common.biasGradients(true),
  smallRate: number({
    default: 0.01,
    above: 0,
    help: 'learning rate of the left panel, in units of 1 / E[Theta]: small, so that the first order is nearly all',
  }),
  rate: number({ default: 1, above: 0, help: 'learning rate of the right panel, in units of 1 / E[Theta]' }),
  replicas: integer({
    default: 1000,
    quick: 100,
    min: 2 * BATCHES,
    help: `nets of each point, in ${BATCHES} batches`,
  }),
  seed: common.seed(),
};

type Values = ValuesOf<typeof parameters>;

const columns = {
  depth: 'number',
  lambda: 'number',
  weightVariance: 'number',
  frozenTheory: 'number',
  frozen: 'number',
  frozenError: 'number',
  actual: 'number',
  actualError: 'number',
} as const;

export const firstStep: Figure<Values, typeof parameters> = {
  name: 'first-step',
  summary: 'the change of the kernel in the first step of gradient descent against depth over width',
  parameters,
  columns,
  onBackend: false,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { signal, report }: FigureRun): Promise<FigureRow[]> {
  const {
    depths,
    weightVariances,
    width,
    inputDim,
    inputNorm2,
    biasGradients,
    smallRate,
    rate,
    replicas,
    seed,
  } = values;
  const size = Math.floor(replicas / BATCHES);
  const points = depths.flatMap((depth) =>
    weightVariances.map((weightVariance) => ({ depth, weightVariance })),
  );
  const total = points.reduce((sum, { depth }) => sum + depth, 0);
  let done = 0;
  const rows: FigureRow[] = [];
  for (const [i, { depth, weightVariance }] of points.entries()) {
    const spec = createSpec({ inputDim, depth, width, weightVariance, biasGradients });
    const batches: { small: FirstStepRow; full: FirstStepRow }[] = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      const study = async (rateOfStep: number): Promise<FirstStepRow> => {
        const options = {
          replicas: size,
          seed: seedOf(seed, i * BATCHES + batch),
          rate: rateOfStep,
          inputNorm2,
        };
        return (await firstStepStudy([spec], { ...options, ...(signal !== undefined && { signal }) }))[0]!;
      };
      batches.push({ small: await study(smallRate), full: await study(rate) });
      done += depth / BATCHES;
      report(Math.min(1, done / total));
    }
    const frozen = jackknife(
      batches.map(({ small }) => [-small.frozen.mean / smallRate]),
      ([mean]) => mean!,
    );
    const actual = jackknife(
      batches.map(({ full }) => [-full.actual.mean / rate]),
      ([mean]) => mean!,
    );
    rows.push({
      depth,
      lambda: depth / width,
      weightVariance,
      frozenTheory: firstStepChange(spec, { inputNorm2 }).driftAtKernelRate,
      frozen: frozen.value,
      frozenError: frozen.standardError,
      actual: actual.value,
      actualError: actual.standardError,
    });
  }
  return rows;
}

/** Seeds of batches: different ones of one figure, and of figures with seeds below 2^32. */
function seedOf(seed: number, batch: number): number {
  return (seed + batch * 2 ** 32) % Number.MAX_SAFE_INTEGER;
}

function specify(rows: readonly FigureRow[], values: Values): FigureSpec {
  const { width, inputNorm2, biasGradients, smallRate, rate, replicas, seed } = values;
  const data = rows.map((row) => {
    const around = (value: number, error: number) => [
      Math.max(value / 1e3, value - 2 * error),
      value + 2 * error,
    ];
    const [frozenLow, frozenHigh] = around(numberAt(row, 'frozen'), numberAt(row, 'frozenError'));
    const [actualLow, actualHigh] = around(numberAt(row, 'actual'), numberAt(row, 'actualError'));
    return {
      ...row,
      sw2: formatVariance(numberAt(row, 'weightVariance')),
      frozenLow,
      frozenHigh,
      actualLow,
      actualHigh,
    };
  });
  const { color, shape } = varianceEncodings(rows.map((row) => numberAt(row, 'weightVariance')));
  const x = lambdaAxis(width);
  const title = '−E[ΔΘ] / (c E[Θ])';
  const panel = (name: string, field: string, theory: string | null) => {
    const y = (column: string) => ({
      field: column,
      type: 'quantitative' as const,
      title,
      scale: logScale(
        rows.flatMap((row) => [numberAt(row, field), theory === null ? 0 : numberAt(row, theory)]),
      ),
      axis: theory === null ? { format: '~g' } : { labelExpr: POWER_LABELS },
    });
    const positive = [{ filter: `datum.${field} > 0` }];
    return {
      title: panelTitle(name),
      width: 360,
      height: 320,
      layer: [
        {
          mark: {
            type: 'line' as const,
            strokeWidth: theory === null ? 1 : 1.5,
            strokeDash: theory === null ? [2, 3] : [1, 0],
          },
          transform: theory === null ? positive : [],
          encoding: { x, y: y(theory ?? field), color },
        },
        {
          mark: { type: 'rule' as const, strokeWidth: 1.3, clip: true },
          transform: positive,
          encoding: { x, y: y(`${field}Low`), y2: { field: `${field}High` }, color },
        },
        {
          mark: { type: 'point' as const, filled: true, size: 42, opacity: 1 },
          transform: positive,
          encoding: { x, y: y(field), color, shape },
        },
      ],
    };
  };
  return {
    title: heading('How much the first step of gradient descent changes the NTK', [
      `Θ(x, x) of ${netOf(values)}, σ_b² = 0, |x|² = ${short(inputNorm2)}, ${biasesOf(biasGradients)}; one sample, loss f²/2,`,
      `learning rate c / E[Θ]; symbols: ${short(replicas)} nets each, seed ${seed}, bars: ± 2 standard errors; lines on the left: exact to first order in c`,
      ORDERED_EDGE_CHAOTIC,
    ]),
    data: { values: data },
    config: CONFIG,
    hconcat: [
      panel(`Gates frozen as they were, c = ${short(smallRate)}`, 'frozen', 'frozenTheory'),
      panel(`The real step, which switches gates, c = ${short(rate)}`, 'actual', null),
    ],
  };
}

function conclude(rows: readonly FigureRow[]): Record<string, number> {
  const distances = rows.map(
    (row) => (numberAt(row, 'frozen') - numberAt(row, 'frozenTheory')) / numberAt(row, 'frozenError'),
  );
  return { largestDistanceInStandardErrors: Math.max(...distances.map(Math.abs)) };
}

/** How the kernel on MNIST digits grows the structure of the classes while the net learns: theory.md, section 7B. */
import { kernelStructure } from '../../kernel/structure';
import { Mlp } from '../../network/mlp';
import { createSpec } from '../../network/spec';
import { train } from '../../training/train';
import type { Figure, FigureRun, FigureRow } from './figure';
import { readDigits } from './training-data';
import { parameters, type Values } from './training-structure-parameters';
import { specify } from './training-structure-picture';

/** A row is a point of the curves, or (`kind` kernel) one row of a kernel: the entries up to the diagonal, over its mean. */
const columns = {
  kind: 'text',
  weightVariance: 'number',
  step: 'number',
  trainLoss: 'optional',
  testLoss: 'optional',
  testAccuracy: 'optional',
  diagonalMean: 'optional',
  sameMean: 'optional',
  sameDeviation: 'optional',
  otherMean: 'optional',
  otherDeviation: 'optional',
  input: 'optional',
  entries: 'text',
} as const;

export const trainingStructure: Figure<Values, typeof parameters> = {
  name: 'training-structure',
  summary: 'losses, class structure and heat maps of the kernel while a net learns MNIST digits',
  parameters,
  columns,
  onBackend: true,
  compute,
  specify,
  conclude,
};

async function compute(values: Values, { report, compute: options }: FigureRun): Promise<FigureRow[]> {
  const { weightVariances, depth, width, steps, learningRate, seed } = values;
  const { training, test, probe } = await readDigits(values);
  const upToEnd = (list: readonly number[]): number[] => list.filter((step) => step <= steps);
  const heatMaps = upToEnd(values.heatMapsAt);
  const kernelAt = [...new Set([...upToEnd(values.measureAt), ...heatMaps, 0, steps])].sort((a, b) => a - b);
  const rows: FigureRow[] = [];
  for (const [i, weightVariance] of weightVariances.entries()) {
    const spec = createSpec({ inputDim: training.x.shape[1]!, depth, width, outputDim: 10, weightVariance });
    const { kernels, evaluations } = await train(Mlp.random(spec, { seed }), training, {
      optimizer: 'adam',
      learningRate,
      steps,
      kernelAt,
      kernelInputs: probe.x,
      testData: test,
      evaluateAt: kernelAt,
      onProgress: ({ step }) => {
        report((i + step / steps) / weightVariances.length);
      },
      ...options,
    });
    for (const [k, kernel] of kernels.entries()) {
      const { diagonalMean, sameClass, otherClass } = kernelStructure(kernel, probe.labels, {
        spectrum: false,
      });
      const { loss, testLoss, testAccuracy } = evaluations[k]!;
      rows.push({
        ...EMPTY,
        kind: 'curve',
        weightVariance,
        step: kernel.step,
        trainLoss: loss,
        testLoss: testLoss,
        testAccuracy,
        diagonalMean,
        sameMean: sameClass!.mean,
        sameDeviation: sameClass!.standardDeviation,
        otherMean: otherClass!.mean,
        otherDeviation: otherClass!.standardDeviation,
      });
      if (!heatMaps.includes(kernel.step)) continue;
      const n = probe.labels.length;
      for (let input = 0; input < n; input++) {
        const entries = kernel.data.subarray(input * n, input * n + input + 1);
        // Four digits: more than a colour shows, and a tenth of the file.
        const text = Array.from(entries, (entry) =>
          String(Number((entry / diagonalMean).toPrecision(4))),
        ).join(' ');
        rows.push({ ...EMPTY, kind: 'kernel', weightVariance, step: kernel.step, input, entries: text });
      }
    }
    report((i + 1) / weightVariances.length);
  }
  return rows;
}

const EMPTY: FigureRow = {
  ...Object.fromEntries(Object.keys(columns).map((column) => [column, null])),
  entries: '',
};

function conclude(rows: readonly FigureRow[]): Record<string, number> {
  const last = rows.filter(({ kind }) => kind === 'curve');
  return Object.fromEntries(
    last.flatMap((row, i) => {
      if (last[i + 1]?.['weightVariance'] === row['weightVariance']) return [];
      const name = `sw2=${String(row['weightVariance'])}`;
      return [
        [`same over other class, ${name}`, Number(row['sameMean']) / Number(row['otherMean'])],
        [`test loss, ${name}`, Number(row['testLoss'])],
      ];
    }),
  );
}

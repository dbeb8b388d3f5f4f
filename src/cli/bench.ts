import { cpus } from 'node:os';

import type { Command } from 'commander';

import type { BackendName, Precision } from '../backend/backend';
import { availableBackends, backendInfo } from '../backend/choose';
import { DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';
import { Mlp } from '../network/mlp';
import { createSpec } from '../network/spec';
import { coreTypeWarnings, thisMachine } from './core-type';
import { abortOnInterrupt } from './interrupt';
import { printColumns, printError, printJson, seconds } from './output';
import { jsonOption } from './usage';

interface Flags {
  readonly json?: true;
}

/** Small enough for the TypeScript backend to run them a few times in a minute. */
const SUITES = {
  kernel: { n: 100, depth: 20, width: 300, outputs: 10 },
  jacobian: { n: 20, depth: 5, width: 100, outputs: 3 },
} as const;

type Suite = keyof typeof SUITES;

interface Variant {
  readonly backend: BackendName;
  readonly precision: Precision;
  readonly threads: number;
}

interface Result extends Variant {
  readonly suite: Suite;
  /** Median of `runs`. */
  readonly seconds: number;
  readonly runs: number;
  /** Largest difference from the TypeScript backend's float64, relative to the largest entry. */
  readonly error: number;
  /** How many times as fast as the TypeScript backend on one thread. */
  readonly ratio: number;
}

const INPUT_DIM = 784;

/** Rounding grows with depth; a wrong algorithm is off by far more. */
const TOLERANCE: Readonly<Record<Precision, number>> = { float64: 1e-10, mixed: 1e-4 };

/** A variant is run again until it has had this long, or has run this often. */
const SECONDS_EACH = 2;
const MOST_RUNS = 15;

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description('time kernels and Jacobians on this machine, native against TypeScript, in under a minute')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Every variant is compared with the TypeScript backend's result before its time is taken. Times are medians.

Example:
  $ deepntk bench --json
`,
    )
    .action(async (flags: Flags) => {
      const interrupt = abortOnInterrupt();
      try {
        const results: Result[] = [];
        for (const suite of Object.keys(SUITES) as Suite[]) {
          results.push(...(await runSuite(suite, interrupt.signal)));
        }
        printReport(results, flags.json === true);
      } finally {
        interrupt.release();
      }
    });
}

function printReport(results: readonly Result[], json: boolean): void {
  const { blas, version, unavailable } = backendInfo();
  const cpu = cpus()[0]?.model ?? 'unknown';
  const warnings = coreTypeWarnings(blas, process.env, thisMachine());
  if (json) {
    const suites = SUITES;
    printJson({ version, node: process.version, cpu, blas, unavailable, warnings, suites, results });
    return;
  }
  const library = blas === null ? 'no BLAS' : `${blas.library} ${blas.version} (${blas.core})`;
  process.stdout.write(`${cpu}, Node ${process.version}, deepntk ${version}, ${library}\n`);
  for (const warning of warnings) printError(warning);
  printResults(results);
}

async function runSuite(suite: Suite, signal: AbortSignal): Promise<Result[]> {
  const { n, depth, width, outputs } = SUITES[suite];
  const net = Mlp.random(createSpec({ inputDim: INPUT_DIM, depth, width, outputDim: outputs }), { seed: 1 });
  const x = exampleInputs(n);
  const compute = async ({ backend, precision, threads }: Variant): Promise<Float64Array> => {
    const options = { backend, threads, signal };
    const result =
      suite === 'kernel' ? net.ntk(x, null, { ...options, precision }) : net.jacobian(x, options);
    return (await result).data;
  };
  const slowest = { backend: 'typescript', precision: 'float64', threads: 1 } as const;
  const reference = await compute(slowest);
  const results: Result[] = [];
  for (const variant of [slowest, ...variantsOf(suite)]) {
    const error = largestDifference(await compute(variant), reference);
    if (!(error <= TOLERANCE[variant.precision])) {
      throw new DeepntkError(
        'ERR_COMPUTATION',
        `bench: the ${suite} of ${nameOf(variant)} differs from that of TypeScript by ${error.toExponential(1)} of its largest entry`,
      );
    }
    const times = await timesOf(() => compute(variant));
    const median = medianOf(times);
    const ratio = (results[0]?.seconds ?? median) / median;
    results.push({ suite, ...variant, seconds: median, runs: times.length, error, ratio });
  }
  return results;
}

function variantsOf(suite: Suite): Variant[] {
  const { threads: most } = backendInfo();
  const counts = most > 1 ? [1, most] : [1];
  const variants: Variant[] =
    most > 1 ? [{ backend: 'typescript', precision: 'float64', threads: most }] : [];
  if (!availableBackends().includes('native')) return variants;
  const precisions: Precision[] = suite === 'kernel' ? ['float64', 'mixed'] : ['float64'];
  return [
    ...variants,
    ...precisions.flatMap((precision) =>
      counts.map((threads) => ({ backend: 'native', precision, threads }) as const),
    ),
  ];
}

async function timesOf(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let total = 0;
  while (times.length < 3 || (total < SECONDS_EACH && times.length < MOST_RUNS)) {
    const start = performance.now();
    await work();
    const time = (performance.now() - start) / 1000;
    times.push(time);
    total += time;
  }
  return times;
}

function printResults(results: readonly Result[]): void {
  for (const suite of Object.keys(SUITES) as Suite[]) {
    const { n, depth, width, outputs } = SUITES[suite];
    process.stdout.write(`\n${suite}: N=${n} L=${depth} M=${width} K=${outputs}\n`);
    printColumns([
      ['', 'time', 'against TypeScript', 'largest difference'],
      ...results
        .filter((result) => result.suite === suite)
        .map((result) => [
          nameOf(result),
          seconds(result.seconds),
          `${result.ratio.toFixed(1)} x`,
          result.error.toExponential(1),
        ]),
    ]);
  }
}

function nameOf({ backend, precision, threads }: Variant): string {
  return `${backend} ${precision}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Non-negative inputs with a common part, as images have. */
function exampleInputs(n: number): NdArray<Float64Array> {
  const data = Float64Array.from({ length: n * INPUT_DIM }, (_, i) => Math.max(0, Math.sin(i * i + 1)) + 0.1);
  return { data, shape: [n, INPUT_DIM] };
}

/** Relative to the largest expected magnitude; not-a-number where there is one. */
function largestDifference(actual: Float64Array, expected: Float64Array): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(actual[i]! - expected[i]!);
    if (!(here <= difference)) difference = here;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}

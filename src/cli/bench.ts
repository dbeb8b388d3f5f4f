import { cpus } from 'node:os';

import { type Command, Option } from 'commander';

import { backendInfo } from '../backend/choose';
import { SUITES } from './bench/index';
import { type BenchResult, measureCase, nameOf } from './bench/measure';
import { coreTypeWarnings, thisMachine } from './core-type';
import { withInterrupt } from './interrupt';
import { printColumns, printError, printJson, seconds } from './output';
import { progressBar } from './progress';
import { jsonOption } from './usage';

interface Flags {
  readonly suite: readonly string[];
  readonly json?: true;
}

const SUITE_NAMES = SUITES.map(({ name }) => name);

/** A variant is run again until it has had this long, or has run this often; at least so often. */
const SECONDS_EACH = 0.7;
const MOST_RUNS = 15;
const FEWEST_RUNS = 3;

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description('time this machine, native against TypeScript, in under a minute')
    .addOption(new Option('--suite <names...>', 'which suites').choices(SUITE_NAMES).default(SUITE_NAMES))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Every variant's result is compared with the first one's before its time is taken. Times are medians; the ratio is to
TypeScript on as many threads, where that is run. A checkout has larger sizes: npm run bench.

Example:
  $ deepntk bench --suite kernel sampling --json
`,
    )
    .action(async (flags: Flags) => {
      const bar = progressBar('bench');
      const results = await withInterrupt((signal) =>
        runSuites(flags.suite, signal, bar?.onProgress),
      ).finally(() => bar?.stop());
      printReport(results, flags.json === true);
    });
}

async function runSuites(
  names: readonly string[],
  signal: AbortSignal,
  onProgress: NonNullable<ReturnType<typeof progressBar>>['onProgress'] | undefined,
): Promise<BenchResult[]> {
  const work = SUITES.filter(({ name }) => names.includes(name)).flatMap((suite) =>
    suite.cases('quick').map((benchCase) => ({ suite, benchCase })),
  );
  const start = performance.now();
  const results: BenchResult[] = [];
  for (const [done, { suite, benchCase }] of work.entries()) {
    const elapsedSeconds = (performance.now() - start) / 1000;
    const remainingSeconds = done === 0 ? null : (elapsedSeconds / done) * (work.length - done);
    onProgress?.({ fraction: done / work.length, elapsedSeconds, remainingSeconds }, suite.name);
    results.push(...(await measureCase(suite, benchCase, (_, compute) => timesOf(compute), signal)));
  }
  return results;
}

async function timesOf(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let total = 0;
  while (times.length < FEWEST_RUNS || (total < SECONDS_EACH && times.length < MOST_RUNS)) {
    const start = performance.now();
    await work();
    const time = (performance.now() - start) / 1000;
    times.push(time);
    total += time;
  }
  return times;
}

function printReport(results: readonly BenchResult[], json: boolean): void {
  const { blas, version, unavailable } = backendInfo();
  const cpu = cpus()[0]?.model ?? 'unknown';
  const warnings = coreTypeWarnings(blas, process.env, thisMachine());
  if (json) {
    printJson({ version, node: process.version, cpu, blas, unavailable, warnings, results });
    return;
  }
  const library = blas === null ? 'no BLAS' : `${blas.library} ${blas.version} (${blas.core})`;
  process.stdout.write(`${cpu}, Node ${process.version}, deepntk ${version}, ${library}\n`);
  for (const warning of warnings) printError(warning);
  for (const title of new Set(results.map((result) => `${result.suite}: ${result.case}`))) {
    const own = results.filter((result) => `${result.suite}: ${result.case}` === title);
    process.stdout.write(`\n${title}\n`);
    printColumns([
      ['', `time a ${own[0]!.unit}`, 'against TypeScript', 'largest difference'],
      ...own.map((result) => [
        nameOf(result),
        seconds(result.seconds),
        result.ratio === null ? '' : `${result.ratio.toFixed(1)} x`,
        result.error.toExponential(1),
      ]),
    ]);
  }
}

import { arch, platform, release } from 'node:os';

import type { Command } from 'commander';

import type { BackendName, CudaDescription } from '../backend/seam';
import { type BackendInfo, backendInfo, setBackend } from '../backend/choose';
import { RUN_OPTIONS } from '../kernel/options';
import { coreTypeWarnings, thisMachine } from './core-type';
import { optionsOf, jsonOption } from './declared';
import { printJson, printTable, type Rows } from './output';

interface Flags {
  readonly backend?: BackendName;
  readonly json?: true;
}

/** Variables that change what runs, or how fast. */
const VARIABLES = [
  'DEEPNTK_BACKEND',
  'DEEPNTK_CUDA_ADDON',
  'DEEPNTK_CUBLAS',
  'DEEPNTK_CUDA_MIXED',
  'DEEPNTK_CUDA_MEMORY',
  'DEEPNTK_CUDA_GRAPHS',
  'CUDA_VISIBLE_DEVICES',
  'OPENBLAS_CORETYPE',
  'OPENBLAS_NUM_THREADS',
  'OMP_NUM_THREADS',
  'OPENBLAS_L2_SIZE',
] as const;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('tell what computes on this machine, why, and what would help')
    .addOption(optionsOf('backend', RUN_OPTIONS.backend)[0]!)
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ deepntk doctor --json\n')
    .action((flags: Flags) => {
      if (flags.backend !== undefined) setBackend(flags.backend);
      const info = backendInfo();
      const environment = Object.fromEntries(
        VARIABLES.flatMap((name) => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        }),
      );
      const warnings = coreTypeWarnings(info.blas, process.env, thisMachine());
      if (flags.json) printReport(info, environment, warnings);
      else printTable(tableOf(info, environment, warnings));
    });
}

function printReport(info: BackendInfo, environment: Record<string, string>, warnings: string[]): void {
  const { backend, chosenBy, available, unavailable, blas, cuda, threads, noThreads, version } = info;
  printJson({
    backend,
    chosenBy,
    available,
    unavailable,
    blas,
    cuda,
    threads,
    noThreads,
    environment,
    warnings,
    version,
    node: process.version,
    platform: `${platform()}-${arch()}`,
  });
}

function tableOf(info: BackendInfo, environment: Record<string, string>, warnings: string[]): Rows {
  const { blas, cuda } = info;
  const why = info.chosenBy === 'auto' ? 'the fastest that loads' : `chosen by ${info.chosenBy}`;
  return [
    ['deepntk', info.version],
    ['backend', `${info.backend} (${why})`],
    ['available', info.available.join(', ')],
    ...Object.entries(info.unavailable).map(([name, reason]) => [`no ${name}`, reason] as const),
    [
      'BLAS',
      blas === null ? 'none: matrix products are TypeScript loops' : `${blas.library} ${blas.version}`,
    ],
    ['core type', blas?.core ?? null],
    ['BLAS threads', blas?.threading ?? null],
    ['GPU', cuda === null ? null : gpuOf(cuda)],
    ['CUDA', cuda === null ? null : `${cuda.runtime} (driver ${cuda.driver}), cuBLAS ${cuda.cublas}`],
    ['mixed on the GPU', cuda?.mixed ?? null],
    ['threads', `${info.threads}`],
    ['no threads', info.noThreads],
    ['Node', `${process.version} on ${platform()}-${arch()} ${release()}`],
    ...Object.entries(environment).map(([name, value]) => [name, value] as const),
    ...warnings.map((warning) => ['warning', warning] as const),
  ];
}

function gpuOf({ device, capability, memory }: CudaDescription): string {
  return `${device}, compute capability ${capability}, ${(memory / 2 ** 30).toFixed(1)} GiB`;
}

/** Whether OpenBLAS runs the kernels that this CPU deserves. */
import { readFileSync } from 'node:fs';

import type { BlasDescription } from '../backend/seam';

/** The vector instructions of a kernel or of a CPU, worst first. */
const INSTRUCTION_SETS = ['SSE', 'AVX', 'AVX2', 'AVX-512'] as const;

/** OpenBLAS's x86 cores with more than SSE, as positions in {@link INSTRUCTION_SETS}. */
const CORE_LEVELS: Readonly<Record<string, number>> = {
  sandybridge: 1,
  bulldozer: 1,
  piledriver: 1,
  steamroller: 1,
  haswell: 2,
  excavator: 2,
  zen: 2,
  skylakex: 3,
  cooperlake: 3,
  sapphirerapids: 3,
};

/** A core of each set that OPENBLAS_CORETYPE takes and every such CPU can run. */
const BEST_CORES = ['Nehalem', 'Sandybridge', 'Haswell', 'SkylakeX'] as const;

/** What OPENBLAS_CORETYPE may be set to where OpenBLAS takes a 64-bit ARM CPU with dot products for a generic one. */
const ARM_CORE = 'NEOVERSEN1';

export interface Machine {
  /** Node's name, such as x64 or arm64. */
  readonly architecture: string;
  /** The features of the CPU as Linux names them; null where they are not known. */
  readonly features: ReadonlySet<string> | null;
}

/** What slows OpenBLAS down here, a sentence each with its remedy: a pin in the environment, a CPU that it does not know. */
export function coreTypeWarnings(
  blas: BlasDescription | null,
  environment: Readonly<Record<string, string | undefined>>,
  machine: Machine,
): string[] {
  if (blas?.library !== 'OpenBLAS') return [];
  const pin = environment['OPENBLAS_CORETYPE'];
  const cacheSize = environment['OPENBLAS_L2_SIZE'];
  const warnings = pin === undefined ? unknownCpu(blas, machine) : [pinned(pin, blas, machine)];
  if (cacheSize !== undefined) {
    warnings.push(
      `OPENBLAS_L2_SIZE=${cacheSize} replaces the size of this machine's second-level cache; matrix products are cut for ` +
        'that size. To let OpenBLAS ask the CPU: unset OPENBLAS_L2_SIZE',
    );
  }
  return warnings;
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  let features: ReadonlySet<string> | null = null;
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    if (line !== null) features = new Set(line[1]!.trim().split(/\s+/));
  } catch {
    // Not Linux: what the CPU can do is not known, and nothing is said about it.
  }
  return { architecture: process.arch, features };
}

function pinned(pin: string, { core }: BlasDescription, machine: Machine): string {
  const better = shortfall(core, machine);
  const cost =
    better === null
      ? 'unless they are the best for this machine, matrix products can take twice as long'
      : `the CPU has ${better.set}, and matrix products can take twice as long`;
  return `OPENBLAS_CORETYPE=${pin} pins OpenBLAS to the kernels of "${core}"; ${cost}. To let OpenBLAS choose: unset OPENBLAS_CORETYPE`;
}

function unknownCpu({ core, version }: BlasDescription, machine: Machine): string[] {
  const better = shortfall(core, machine);
  if (better === null) return [];
  return [
    `OpenBLAS ${version} does not know this CPU: it uses the kernels of "${core}", though the CPU has ${better.set}. ` +
      `Take a newer OpenBLAS, or try export OPENBLAS_CORETYPE=${better.core}`,
  ];
}

/** What the CPU has that the kernels of `core` do not use, and the core type that would; null where they use all of it. */
function shortfall(core: string, { architecture, features }: Machine): { set: string; core: string } | null {
  if (features === null) return null;
  if (architecture === 'arm64') {
    const generic = core.toLowerCase() === 'armv8';
    return generic && features.has('asimddp') ? { set: 'dot products', core: ARM_CORE } : null;
  }
  if (architecture !== 'x64') return null;
  const cpu = levelOf(features);
  return (CORE_LEVELS[core.toLowerCase()] ?? 0) < cpu
    ? { set: INSTRUCTION_SETS[cpu]!, core: BEST_CORES[cpu]! }
    : null;
}

function levelOf(features: ReadonlySet<string>): number {
  const has = (...names: string[]) => names.every((name) => features.has(name));
  if (has('avx512f', 'avx512dq', 'avx512bw', 'avx512vl')) return 3;
  if (has('avx2', 'fma')) return 2;
  return has('avx') ? 1 : 0;
}

/** The command `deepntk`: its subcommands and its exit status. */
import { createRequire } from 'node:module';

import { Command, CommanderError } from 'commander';

import { VERSION } from '../version';
import type * as BenchCommand from './bench';
import type * as DiagnoseCommand from './diagnose';
import type * as DispersionCommand from './dispersion';
import type * as DoctorCommand from './doctor';
import type * as ExploreCommand from './explore';
import type * as FigureCommand from './figure';
import { INTERRUPTED_STATUS, InterruptedError } from './interrupt';
import type * as KernelCommand from './kernel';
import type * as MomentsCommand from './moments';
import { printError } from './output';
import type * as PhaseCommand from './phase';
import type * as SweepCommand from './sweep';
import type * as TrainCommand from './train';
import { UsageError } from './usage';
import type * as WorkerCommand from './worker';

const FAILURE = 1;
const WRONG_USAGE = 2;

const load = createRequire(__filename);

/** The commands, in the order of the help. A command's file is loaded when the command runs. The help loads all of them. */
const COMMANDS: Readonly<Record<string, (program: Command) => void>> = {
  doctor: (program) => {
    (load('./doctor') as typeof DoctorCommand).addDoctorCommand(program);
  },
  phase: (program) => {
    (load('./phase') as typeof PhaseCommand).addPhaseCommand(program);
  },
  moments: (program) => {
    (load('./moments') as typeof MomentsCommand).addMomentsCommand(program);
  },
  dispersion: (program) => {
    (load('./dispersion') as typeof DispersionCommand).addDispersionCommand(program);
  },
  sweep: (program) => {
    (load('./sweep') as typeof SweepCommand).addSweepCommand(program);
  },
  merge: (program) => {
    (load('./dispersion') as typeof DispersionCommand).addMergeCommand(program);
  },
  worker: (program) => {
    (load('./worker') as typeof WorkerCommand).addWorkerCommand(program);
  },
  kernel: (program) => {
    (load('./kernel') as typeof KernelCommand).addKernelCommand(program);
  },
  train: (program) => {
    (load('./train') as typeof TrainCommand).addTrainCommand(program);
  },
  diagnose: (program) => {
    (load('./diagnose') as typeof DiagnoseCommand).addDiagnoseCommand(program);
  },
  explore: (program) => {
    (load('./explore') as typeof ExploreCommand).addExploreCommand(program);
  },
  figure: (program) => {
    (load('./figure') as typeof FigureCommand).addFigureCommand(program);
  },
  bench: (program) => {
    (load('./bench') as typeof BenchCommand).addBenchCommand(program);
  },
};

/**
 * Runs the command: parses the arguments, does the work, prints results to stdout and errors to stderr. It neither reads
 * `process.argv` nor ends the process.
 *
 * @param args the arguments after the command's name
 * @returns the exit status: 0 for success, 1 if the work failed, 2 for wrong usage, 130 if it was interrupted
 * @example
 * const status = await runCommand(['phase', '--sw2', '2', '--json']);
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    const [name] = args;
    if (name === undefined) {
      throw new UsageError(
        `expected a command (${Object.keys(COMMANDS).join(', ')}), got none; see deepntk --help`,
      );
    }
    const program = createProgram(Object.hasOwn(COMMANDS, name) ? [name] : Object.keys(COMMANDS));
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return statusOf(error);
  }
}

function createProgram(names: readonly string[]): Command {
  const program = new Command('deepntk')
    .description('The neural tangent kernel of deep, wide, fully connected ReLU nets')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      outputError: (text) => {
        printError(text.replace(/^error: /, ''));
      },
    })
    .addHelpText(
      'after',
      `
Results go to stdout, errors (one line each) and progress to stderr.
Exit status: 0, 1 the work failed, 2 wrong usage, 130 interrupted.

Example:
  $ deepntk kernel --depth 20 --width 300 --outputs 10 --sw2 2 --seed 1 --x X.npy --out K.npy
`,
    );
  for (const name of names) COMMANDS[name]!(program);
  return program;
}

/** The exit status of an error. Prints its message, unless commander has printed it already. */
function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof InterruptedError) {
    printError(error.message);
    return INTERRUPTED_STATUS;
  }
  printError(error instanceof Error ? error.message : String(error));
  return error instanceof UsageError ? WRONG_USAGE : FAILURE;
}

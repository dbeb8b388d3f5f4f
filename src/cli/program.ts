/** The command `deepntk`: its subcommands and its exit status. */
import { createRequire } from 'node:module';

import { Command, CommanderError } from 'commander';

import { VERSION } from '../version';
import type * as BenchCommand from './bench';
import type * as DiagnoseCommand from './diagnose';
import type * as DiagonalCommand from './diagonal';
import type * as DispersionCommand from './dispersion';
import type * as DoctorCommand from './doctor';
import type * as EigenvaluesCommand from './eigenvalues';
import type * as ExploreCommand from './explore';
import type * as FigureCommand from './figure';
import { INTERRUPTED_STATUS, InterruptedError } from './interrupt';
import type * as KernelCommand from './kernel';
import type * as MergeCommand from './merge';
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

type AddCommand = (program: Command) => void;

/** The commands by group, in the order of the help. A command's file is loaded when the command runs. The help loads all of them. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, AddCommand>>>> = {
  'Your net:': {
    diagnose: (program) => {
      (load('./diagnose') as typeof DiagnoseCommand).addDiagnoseCommand(program);
    },
    phase: (program) => {
      (load('./phase') as typeof PhaseCommand).addPhaseCommand(program);
    },
    kernel: (program) => {
      (load('./kernel') as typeof KernelCommand).addKernelCommand(program);
    },
    eigenvalues: (program) => {
      (load('./eigenvalues') as typeof EigenvaluesCommand).addEigenvaluesCommand(program);
    },
    diagonal: (program) => {
      (load('./diagonal') as typeof DiagonalCommand).addDiagonalCommand(program);
    },
    train: (program) => {
      (load('./train') as typeof TrainCommand).addTrainCommand(program);
    },
  },
  'Random nets:': {
    moments: (program) => {
      (load('./moments') as typeof MomentsCommand).addMomentsCommand(program);
    },
    dispersion: (program) => {
      (load('./dispersion') as typeof DispersionCommand).addDispersionCommand(program);
    },
    sweep: (program) => {
      (load('./sweep') as typeof SweepCommand).addSweepCommand(program);
    },
    explore: (program) => {
      (load('./explore') as typeof ExploreCommand).addExploreCommand(program);
    },
    figure: (program) => {
      (load('./figure') as typeof FigureCommand).addFigureCommand(program);
    },
  },
  'Several machines:': {
    worker: (program) => {
      (load('./worker') as typeof WorkerCommand).addWorkerCommand(program);
    },
    merge: (program) => {
      (load('./merge') as typeof MergeCommand).addMergeCommand(program);
    },
  },
  'This installation:': {
    doctor: (program) => {
      (load('./doctor') as typeof DoctorCommand).addDoctorCommand(program);
    },
    bench: (program) => {
      (load('./bench') as typeof BenchCommand).addBenchCommand(program);
    },
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
    const program = createProgram(name);
    if (name === undefined) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return statusOf(error);
  }
}

/** @param name the command that runs; all commands are added if it is no command */
function createProgram(name: string | undefined): Command {
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
  const groups = Object.entries(GROUPS);
  const own = groups.find(([, commands]) => name !== undefined && Object.hasOwn(commands, name));
  if (own !== undefined) own[1][name!]!(program);
  else {
    for (const [heading, commands] of groups) {
      program.commandsGroup(heading);
      Object.values(commands).forEach((addCommand) => {
        addCommand(program);
      });
    }
    program.helpCommand('help [command]', 'display help for command'); // in the last group
  }
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

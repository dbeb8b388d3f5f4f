#!/usr/bin/env node
/** The command `deepntk`. Exit status: 0, 1 a failure of the work, 2 wrong usage, 130 interrupted. */
import { Command, CommanderError } from 'commander';

import { VERSION } from '../version';
import { addDispersionCommand, addMergeCommand } from './dispersion';
import { addDoctorCommand } from './doctor';
import { INTERRUPTED_STATUS, InterruptedError } from './interrupt';
import { addKernelCommand } from './kernel';
import { addMomentsCommand } from './moments';
import { printError } from './output';
import { addPhaseCommand } from './phase';
import { addSweepCommand } from './sweep';
import { addTrainCommand } from './train';
import { UsageError } from './usage';

const FAILURE = 1;
const WRONG_USAGE = 2;

void main();

async function main(): Promise<void> {
  process.stdout.on('error', endQuietly);
  process.stderr.on('error', endQuietly);
  try {
    const program = createProgram();
    if (process.argv.length <= 2)
      throw new UsageError(`expected a command (${namesOf(program)}), got none; see deepntk --help`);
    await program.parseAsync();
  } catch (error) {
    process.exitCode = statusOf(error);
  }
}

function createProgram(): Command {
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
  addDoctorCommand(program);
  addPhaseCommand(program);
  addMomentsCommand(program);
  addDispersionCommand(program);
  addSweepCommand(program);
  addMergeCommand(program);
  addKernelCommand(program);
  addTrainCommand(program);
  return program;
}

function namesOf(program: Command): string {
  return program.commands.map((command) => command.name()).join(', ');
}

/** Says what went wrong, where commander has not said it already. */
function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof InterruptedError) {
    printError(error.message);
    return INTERRUPTED_STATUS;
  }
  printError(error instanceof Error ? error.message : String(error));
  return error instanceof UsageError ? WRONG_USAGE : FAILURE;
}

/** A reader that has seen enough, such as `head`, closes the pipe: that is no error. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

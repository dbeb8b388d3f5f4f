#!/usr/bin/env node
/** The executable `deepntk`: runs the command with the arguments of this process. */
import { runCommand } from './program';

process.stdout.on('error', endQuietly);
process.stderr.on('error', endQuietly);
void runCommand(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});

/** A reader such as `head` closes the pipe when it has read enough. This is not an error. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

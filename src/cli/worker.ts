import { type Command, Option } from 'commander';

import type { BackendName } from '../backend/seam';
import { work } from '../queue/worker';
import { addRunOptions, redisOption } from './common-options';
import { withInterrupt } from './interrupt';
import { printError, printJson, seconds } from './output';
import { asUsageOf, integer, real } from './usage';

interface Flags {
  readonly queue: string;
  readonly redis: string;
  readonly idle?: number;
  readonly lock: number;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

export function addWorkerCommand(program: Command): void {
  const command = program
    .command('worker')
    .description('compute the jobs of a queue, until Ctrl-C')
    .requiredOption('--queue <name>', 'the queue, as given to deepntk sweep or kernel')
    .addOption(redisOption())
    .addOption(
      new Option('--idle <seconds>', 'end after so long without a job (default: never)').argParser(
        real({ min: 0 }),
      ),
    )
    .addOption(
      new Option('--lock <seconds>', 'give jobs of workers that show no life for so long to others')
        .argParser(integer({ min: 1, max: 3600 }))
        .default(30),
    );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Start as many as there are machines. A worker may be killed at any time: its job is taken up by another one. Ctrl-C and
SIGTERM end it at once and give its job back. --redis may stand in DEEPNTK_REDIS, where a password is not seen by others.

Example:
  $ deepntk worker --queue ntk --redis redis://head:6379 --idle 60
`,
    )
    .action(async (flags: Flags) => {
      await withInterrupt((interrupt) => runWorker(flags, interrupt));
    });
}

async function runWorker(
  { queue, redis, idle, lock, backend, threads, json }: Flags,
  interrupt: AbortSignal,
): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
  };
  interrupt.addEventListener('abort', stop);
  process.once('SIGTERM', stop);
  try {
    const options = {
      queue,
      redis,
      signal: controller.signal,
      lockSeconds: lock,
      ...(idle !== undefined && { idleSeconds: idle }),
      ...(backend !== undefined && { backend }),
      ...(threads !== undefined && { threads }),
      onJob: (job: { id: string; seconds: number; problem?: string }): void => {
        const outcome =
          job.problem === undefined ? `done in ${seconds(job.seconds)}` : `failed: ${job.problem}`;
        if (job.problem !== undefined || process.stderr.isTTY) printError(`${job.id}: ${outcome}`);
      },
    };
    const jobs = await asUsageOf(() => work(options));
    if (json) printJson({ queue, jobs });
    else process.stdout.write(`${jobs} jobs of queue ${queue} computed\n`);
  } finally {
    process.off('SIGTERM', stop);
  }
}

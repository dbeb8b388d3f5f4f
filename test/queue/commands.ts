/** Commands that run beside the test, in processes of their own, on one Redis server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { MAIN } from '../cli/run';

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What it has printed by now. */
  readonly printed: () => string;
  /** Its status, signal and output. */
  readonly ended: Promise<Outcome>;
}

export class Commands {
  readonly #folder: string;
  readonly #redis: string;
  readonly #started: { readonly name: string; readonly running: Running }[] = [];
  readonly #queues: Queue[] = [];
  #client: Redis | null = null;

  constructor(folder: string, redis: string) {
    this.#folder = folder;
    this.#redis = redis;
  }

  start(args: readonly string[]): Running {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.#folder,
      env: { ...process.env, DEEPNTK_REDIS: this.#redis },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const ended = once(child, 'exit').then((how): Outcome => {
      const [status, signal] = how as [number | null, string | null];
      return { status, signal, output };
    });
    const running = { child, printed: () => output, ended };
    this.#started.push({ name: args[0]!, running });
    return running;
  }

  /** A worker that keeps its jobs, however loaded the machine is. */
  startWorker(queue: string, ...more: string[]): Running {
    return this.start(['worker', '--queue', queue, '--threads', '1', ...more]);
  }

  /** For tests where jobs are lost: they are taken over after a second, from workers of this kind by workers of this kind. */
  startImpatient(queue: string): Running {
    return this.startWorker(queue, '--lock', '1');
  }

  get client(): Redis {
    this.#client ??= new Redis(this.#redis, { maxRetriesPerRequest: null });
    this.#client.on('error', () => undefined); // it reconnects
    return this.#client;
  }

  openQueue(name: string): Queue {
    const queue = new Queue(name, { connection: { url: this.#redis } });
    queue.on('error', () => undefined);
    this.#queues.push(queue);
    return queue;
  }

  /** Whether a job is being computed by a worker that lives: one with a lock. */
  async isHolding(queue: Queue): Promise<boolean> {
    const [job] = await queue.getActive();
    return job?.id !== undefined && (await this.client.exists(`bull:${queue.name}:${job.id}:lock`)) === 1;
  }

  /** Waits until `condition` holds. If that takes too long, the error has what every command printed. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, condition, () =>
      this.#started
        .map(({ name, running: { child, printed } }) => {
          const state = child.signalCode ?? child.exitCode ?? 'running';
          return `${name} ${child.pid} (${state}): ${JSON.stringify(printed())}`;
        })
        .join('; '),
    );
  }

  async end(): Promise<void> {
    for (const { running } of this.#started) running.child.kill('SIGKILL');
    await Promise.all(this.#queues.map((queue) => queue.close()));
    this.#client?.disconnect();
  }
}

/** Asks a command to end, as a batch system does, and waits for it. */
export async function terminate({ child, ended }: Running): Promise<Outcome> {
  child.kill('SIGTERM');
  return ended;
}

/** Against a hang: twenty times as long as a command takes to start and to compute. A test may take longer. */
const PATIENCE_MS = 80_000;

/**
 * Waits until `condition` holds.
 *
 * @param what completes the error's sentence "waited in vain for ... until"
 * @param seen what the error says besides: the state at its time
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seen?: () => string,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      const state = seen === undefined ? '' : `; seen: ${seen()}`;
      throw new Error(`waited in vain for ${PATIENCE_MS / 1000} s until ${what}${state}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

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
  readonly #children: ChildProcess[] = [];
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
    this.#children.push(child);
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const ended = once(child, 'exit').then((how): Outcome => {
      const [status, signal] = how as [number | null, string | null];
      return { status, signal, output };
    });
    return { child, printed: () => output, ended };
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

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(this.#queues.map((queue) => queue.close()));
    this.#client?.disconnect();
  }
}

/** Asks a command to end, as a batch system does, and waits for it. */
export async function terminate({ child, ended }: Running): Promise<Outcome> {
  child.kill('SIGTERM');
  return ended;
}

/** @param what is waited for, as the error says that it did not come */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 40_000; // before the test's own, which does not say what it waited for
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

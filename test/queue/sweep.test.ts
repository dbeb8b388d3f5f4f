/** Sweeps over a queue, as users run them: commands in processes of their own, a real Redis, workers that are killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { expectFailure, MAIN, run } from '../cli/run';
import { describeRedis, type RedisServer, startRedis } from './redis';

const SWEEP = ['sweep', '--sw2', '1:2.5:0.5', '--depth', '20,200', '--width', '50', '--replicas', '4000'];
const POINTS = 8;

describeRedis('a sweep on a queue', () => {
  let folder: string;
  let redis: RedisServer;
  let alone: string;
  const children: ChildProcess[] = [];
  const queues: Queue[] = [];
  let client: Redis;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-queue-'));
    redis = await startRedis();
    client = new Redis(redis.url);
    expect(run([...SWEEP, '--out', 'alone.csv'], { cwd: folder }).status).toBe(0);
    alone = read('alone.csv');
    expect(alone.split('\n')).toHaveLength(POINTS + 2);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(queues.map((queue) => queue.close()));
    client.disconnect();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

  /** Starts a command; `ended` is its status, signal and output. */
  function start(args: string[]): { child: ChildProcess; ended: Promise<Outcome> } {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env: { ...process.env, DEEPNTK_REDIS: redis.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const ended = once(child, 'exit').then((how): Outcome => {
      const [status, signal] = how as [number | null, string | null];
      return { status, signal, output };
    });
    return { child, ended };
  }
  const startWorker = (queue: string, ...more: string[]) =>
    start(['worker', '--queue', queue, '--lock', '1', '--threads', '1', ...more]);

  /** Whether a job is being computed by a worker that lives: one with a lock. */
  async function isHolding(queue: Queue): Promise<boolean> {
    const [job] = await queue.getActive();
    return job?.id !== undefined && (await client.exists(`bull:${queue.name}:${job.id}:lock`)) === 1;
  }

  function openQueue(name: string): Queue {
    const queue = new Queue(name, { connection: { url: redis.url } });
    queues.push(queue);
    return queue;
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('two workers give the bytes of one machine; asked again, nothing is computed', async () => {
    const workers = [
      startWorker('two', '--idle', '3', '--json'),
      startWorker('two', '--idle', '3', '--json'),
    ];
    const { status, output } = await start([...SWEEP, '--queue', 'two', '--out', 'two.csv']).ended;
    expect({ status, output }).toEqual({
      status: 0,
      output: `two.csv: ${POINTS} points computed, 0 were there\n`,
    });
    expect(read('two.csv')).toBe(alone);
    const ended = await Promise.all(workers.map((worker) => worker.ended));
    const jobs = ended.map((worker) => (JSON.parse(worker.output) as { jobs: number }).jobs);
    expect(jobs[0]! + jobs[1]!).toBe(POINTS);
    // No worker runs any more: what was found is in the queue.
    expect((await start([...SWEEP, '--queue', 'two', '--out', 'again.csv']).ended).status).toBe(0);
    expect(read('again.csv')).toBe(alone);
  });

  test('workers killed in the middle of a job lose nothing: the same bytes', async () => {
    const queue = openQueue('killed');
    const gathering = start([...SWEEP, '--queue', 'killed', '--out', 'killed.csv']);
    for (let kills = 0; kills < 3; kills++) {
      const { child, ended } = startWorker('killed');
      await until(() => isHolding(queue));
      child.kill('SIGKILL');
      expect((await ended).signal).toBe('SIGKILL');
    }
    const last = startWorker('killed', '--idle', '4', '--json');
    expect((await gathering.ended).status).toBe(0);
    expect(read('killed.csv')).toBe(alone);
    expect((await last.ended).status).toBe(0);
  });

  test('SIGTERM ends a worker, which gives its job back', async () => {
    const queue = openQueue('terminated');
    const gathering = start([...SWEEP, '--queue', 'terminated', '--out', 'terminated.csv']);
    const first = startWorker('terminated', '--lock', '600'); // a lock that only giving back can loosen
    await until(() => isHolding(queue));
    first.child.kill('SIGTERM');
    expect((await first.ended).status).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    startWorker('terminated', '--idle', '3');
    expect((await gathering.ended).status).toBe(0);
    expect(read('terminated.csv')).toBe(alone);
  });

  test('a job that fails is one line, and does not stop the worker', async () => {
    const queue = openQueue('failing');
    await queue.add('from elsewhere', { kind: 'unknown', version: '0.0.0' }, { jobId: 'strange' });
    const worker = startWorker('failing', '--idle', '3');
    expect((await start([...SWEEP, '--queue', 'failing', '--out', 'failing.csv']).ended).status).toBe(0);
    expect(read('failing.csv')).toBe(alone);
    const { status, output } = await worker.ended;
    expect(status).toBe(0);
    expect(output).toMatch(/strange: failed: expected a job of deepntk .*, got unknown of version 0\.0\.0/);
  });
});

interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
}

describe('without Redis', () => {
  const sweep = ['sweep', '--depth', '2', '--width', '9', '--queue', 'q'];
  test.each([
    [
      [...sweep, '--redis', 'redis://127.0.0.1:1'],
      1,
      'cannot reach Redis at redis://127.0.0.1:1: connect ECONNREFUSED',
    ],
    [
      [...sweep, '--redis', 'redis://user:secret@127.0.0.1:1'],
      1,
      'cannot reach Redis at redis://127.0.0.1:1',
    ],
    [['worker', '--queue', 'q', '--redis', 'redis://127.0.0.1:1'], 1, 'cannot reach Redis'],
    [
      ['worker', '--queue', 'q', '--redis', 'nonsense'],
      2,
      'expected an address such as redis://127.0.0.1:6379',
    ],
    [['worker', '--queue', 'a:b'], 2, 'expected a name of letters'],
    [['worker'], 2, "required option '--queue <name>' not specified"],
  ])('%j is one line with status %i', (args, status, message) => {
    const outcome = run(args);
    expectFailure(outcome, status, message);
    expect(outcome.stderr).not.toContain('secret');
  });
});

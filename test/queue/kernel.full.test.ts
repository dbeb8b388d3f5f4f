/** Kernels over a queue: the bytes of one machine, whoever is killed and whatever is lost on the way. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { availableBackends, writeNpy } from '../../src/index';
import { run } from '../cli/run';
import { normalInputs } from '../support/arbitrary';
import { Commands, terminate } from './commands';
import { describeRedis, type RedisServer, startRedis } from './redis';

const NET = ['--depth', '4', '--width', '60', '--outputs', '2', '--seed', '3'];
const KERNEL = ['kernel', '--x', 'X.npy', ...NET, '--precision', 'mixed', '--dtype', 'float32'];
/** 1500 inputs in blocks of 256: six rows of tiles. */
const TILES = 21;
/** Tiles of 256 KiB: four of them at a time are in Redis. */
const FEW = ['--redis-memory', '1M'];

describeRedis('a kernel on a queue', () => {
  let folder: string;
  let redis: RedisServer;
  let commands: Commands;
  let alone: Buffer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-queue-kernel-'));
    redis = await startRedis();
    commands = new Commands(folder, redis.url);
    await writeNpy(join(folder, 'X.npy'), normalInputs(1500, 12, 1, 1));
    await writeNpy(join(folder, 'X2.npy'), normalInputs(300, 12, 1, 2));
    await writeNpy(join(folder, 'X3.npy'), normalInputs(600, 12, 1, 3));
    expect(run([...KERNEL, '--memory', '1G', '--out', 'alone.npy'], { cwd: folder }).status).toBe(0);
    alone = read('alone.npy');
  });
  afterAll(async () => {
    await commands.end();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = (file: string): Buffer => readFileSync(join(folder, file));
  const hasFile = (file: string): boolean => existsSync(join(folder, file));
  const gather = (queue: string, out: string, from = commands) =>
    from.start([...KERNEL, '--queue', queue, ...FEW, '--out', out]);
  const tilesIn = (out: string): number =>
    hasFile(`${out}.meta.jsonl`) ? read(`${out}.meta.jsonl`).toString().split('\n').length - 2 : 0;

  const someTilesIn = (out: string, of = commands): Promise<void> =>
    of.until(`${out} has 3 tiles`, () => tilesIn(out) >= 3);

  test('two workers give the bytes of one machine, and leave nothing in Redis', async () => {
    const workers = [1, 2].map(() => commands.startWorker('two', '--json'));
    const { status, output } = await gather('two', 'two.npy').ended;
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining(`${TILES} tiles`) as string,
    });
    expect(read('two.npy').equals(alone)).toBe(true);
    const ended = await Promise.all(workers.map(terminate));
    const jobs = ended.map((worker) => (JSON.parse(worker.output) as { jobs: number }).jobs);
    // A job may be computed twice, where a worker gave no sign of life for long.
    expect(jobs[0]! + jobs[1]!).toBeGreaterThanOrEqual(TILES);
    expect(await commands.client.keys('deepntk:*')).toEqual([]);
    expect(await commands.openQueue('two').getJobCounts()).toMatchObject({
      completed: 0,
      waiting: 0,
      failed: 0,
    });
  });

  test('other columns and whole K x K blocks travel too', async () => {
    const rest = ['--x2', 'X2.npy', '--outputs-axis', 'full'];
    const args = ['kernel', '--x', 'X3.npy', ...NET, ...rest];
    expect(run([...args, '--memory', '1G', '--out', 'full.npy'], { cwd: folder }).status).toBe(0);
    const full = commands.startWorker('full');
    const wide = commands.start([...args, '--queue', 'full', '--out', 'full-queue.npy']);
    expect((await wide.ended).status).toBe(0);
    await terminate(full);
    expect(read('full-queue.npy').equals(read('full.npy'))).toBe(true);
    const square = ['kernel', '--x', 'X2.npy', ...NET, '--outputs-axis', 'full'];
    expect(run([...square, '--memory', '1G', '--out', 'square.npy'], { cwd: folder }).status).toBe(0);
    const worker = commands.startWorker('square');
    const gathering = commands.start([...square, '--queue', 'square', '--out', 'square-queue.npy']);
    expect((await gathering.ended).status).toBe(0);
    await terminate(worker);
    expect(read('square-queue.npy').equals(read('square.npy'))).toBe(true);
  });

  test('workers and the gathering command are killed in the middle: the same bytes', async () => {
    const queue = commands.openQueue('killed');
    const first = gather('killed', 'killed.npy');
    for (let kills = 0; kills < 2; kills++) {
      const { child, ended } = commands.startImpatient('killed');
      await commands.until('the worker has a job', () => commands.isHolding(queue));
      child.kill('SIGKILL');
      expect((await ended).signal).toBe('SIGKILL');
    }
    const last = commands.startImpatient('killed');
    await someTilesIn('killed.npy');
    first.child.kill('SIGKILL');
    await first.ended;
    const { status, output } = await gather('killed', 'killed.npy').ended;
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining('were there from an interrupted run') as string,
    });
    expect(read('killed.npy').equals(alone)).toBe(true);
    expect((await terminate(last)).status).toBe(0);
  });

  test('what a queue leaves is finished without it', async () => {
    const gathering = gather('left', 'left.npy');
    const worker = commands.startWorker('left');
    await someTilesIn('left.npy');
    gathering.child.kill('SIGKILL');
    await gathering.ended;
    await terminate(worker);
    expect(run([...KERNEL, '--memory', '1G', '--out', 'left.npy'], { cwd: folder }).stdout).toMatch(
      /were there/,
    );
    expect(read('left.npy').equals(alone)).toBe(true);
  });

  test('Redis that held all in memory is restarted in the middle: the same bytes', async () => {
    const server = await startRedis();
    const own = new Commands(folder, server.url);
    try {
      const gathering = gather('restarted', 'restarted.npy', own);
      own.startImpatient('restarted');
      await someTilesIn('restarted.npy', own);
      await server.restart(300);
      expect(await gathering.ended).toMatchObject({ status: 0 });
      expect(read('restarted.npy').equals(alone)).toBe(true);
    } finally {
      await own.end();
      await server.stop();
    }
  });

  const ifNative = availableBackends().includes('native') ? test : test.skip;
  ifNative('a worker with another backend gives its jobs back, and says why', async () => {
    const kernel = ['kernel', '--x', 'X3.npy', ...NET, '--backend', 'typescript'];
    expect(run([...kernel, '--memory', '1G', '--out', 'other.npy'], { cwd: folder }).status).toBe(0);
    const wrong = commands.start(['worker', '--queue', 'other', '--backend', 'native']);
    const gathering = commands.start([...kernel, '--queue', 'other', '--out', 'other-queue.npy']);
    const reason = 'this kernel needs the backend typescript, and this worker has native';
    await commands.until('the worker says why', () => wrong.printed().includes(reason));
    const right = commands.start(['worker', '--queue', 'other', '--backend', 'typescript']);
    // The first worker is ended while both ask for jobs, unless the second one is very fast.
    await commands.until(
      'a tile is there',
      () => tilesIn('other-queue.npy') > 0 || hasFile('other-queue.npy'),
    );
    const left = terminate(wrong);
    expect((await gathering.ended).status).toBe(0);
    expect(read('other-queue.npy').equals(read('other.npy'))).toBe(true);
    await terminate(right);
    expect((await left).output).toMatch(/0 jobs of queue other computed/);
  });
});

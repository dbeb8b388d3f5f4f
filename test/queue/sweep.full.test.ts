/** Sweeps over a queue, as users run them: commands in processes of their own, a real Redis, workers that are killed. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { run } from '../cli/run';
import { Commands, terminate } from './commands';
import { describeRedis, type RedisServer, startRedis } from './redis';

const SWEEP = ['sweep', '--sw2', '1:2.5:0.5', '--depth', '20,200', '--width', '50', '--replicas', '4000'];
const POINTS = 8;

describeRedis('a sweep on a queue', () => {
  let folder: string;
  let redis: RedisServer;
  let alone: string;
  let commands: Commands;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-queue-'));
    redis = await startRedis();
    commands = new Commands(folder, redis.url);
    expect(run([...SWEEP, '--out', 'alone.csv'], { cwd: folder }).status).toBe(0);
    alone = read('alone.csv');
    expect(alone.split('\n')).toHaveLength(POINTS + 2);
  });
  afterAll(async () => {
    await commands.end();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

  test('two workers give the bytes of one machine; asked again, nothing is computed', async () => {
    const workers = [1, 2].map(() => commands.startWorker('two', '--json'));
    const { status, output } = await commands.start([...SWEEP, '--queue', 'two', '--out', 'two.csv']).ended;
    expect({ status, output }).toEqual({
      status: 0,
      output: `two.csv: ${POINTS} points computed, 0 were there\n`,
    });
    expect(read('two.csv')).toBe(alone);
    const ended = await Promise.all(workers.map(terminate));
    const jobs = ended.map((worker) => (JSON.parse(worker.output) as { jobs: number }).jobs);
    // A job may be computed twice, where a worker gave no sign of life for long.
    expect(jobs[0]! + jobs[1]!).toBeGreaterThanOrEqual(POINTS);
    // No worker runs any more: what was found is in the queue.
    expect((await commands.start([...SWEEP, '--queue', 'two', '--out', 'again.csv']).ended).status).toBe(0);
    expect(read('again.csv')).toBe(alone);
  });

  test('workers killed in the middle of a job lose nothing: the same bytes', async () => {
    const queue = commands.openQueue('killed');
    const gathering = commands.start([...SWEEP, '--queue', 'killed', '--out', 'killed.csv']);
    for (let kills = 0; kills < 3; kills++) {
      const { child, ended } = commands.startImpatient('killed');
      await commands.until('the worker has a job', () => commands.isHolding(queue));
      child.kill('SIGKILL');
      expect((await ended).signal).toBe('SIGKILL');
    }
    const last = commands.startImpatient('killed');
    expect((await gathering.ended).status).toBe(0);
    expect(read('killed.csv')).toBe(alone);
    expect((await terminate(last)).status).toBe(0);
  });

  test('SIGTERM ends a worker, which gives its job back', async () => {
    const queue = commands.openQueue('terminated');
    const gathering = commands.start([...SWEEP, '--queue', 'terminated', '--out', 'terminated.csv']);
    const first = commands.startWorker('terminated', '--lock', '600'); // a lock that only giving back can loosen
    await commands.until('the worker has a job', () => commands.isHolding(queue));
    expect((await terminate(first)).status).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    const second = commands.startWorker('terminated');
    expect((await gathering.ended).status).toBe(0);
    expect(read('terminated.csv')).toBe(alone);
    await terminate(second);
  });

  test.each([
    ['keeps what it holds', true],
    ['held all in memory', false],
  ])('Redis that is restarted in mid-sweep, and %s, costs nothing but time', async (_, kept) => {
    const server = await startRedis(kept ? folder : undefined);
    const own = new Commands(folder, server.url);
    const out = `restarted-${String(kept)}.csv`;
    try {
      const gathering = own.start([...SWEEP, '--queue', 'restarted', '--out', out]);
      const worker = own.startImpatient('restarted');
      await own.until(
        'two points are there',
        () => existsSync(join(folder, out)) && read(out).split('\n').length > 3,
      );
      await server.restart(300);
      expect((await gathering.ended).status).toBe(0);
      expect(read(out)).toBe(alone);
      expect((await terminate(worker)).status).toBe(0);
    } finally {
      await own.end();
      await server.stop();
    }
  });

  test('a job that fails is one line, and does not stop the worker', async () => {
    const queue = commands.openQueue('failing');
    await queue.add('from elsewhere', { kind: 'unknown', version: '0.0.0' }, { jobId: 'strange' });
    const worker = commands.startWorker('failing');
    expect(
      (await commands.start([...SWEEP, '--queue', 'failing', '--out', 'failing.csv']).ended).status,
    ).toBe(0);
    expect(read('failing.csv')).toBe(alone);
    const { status, output } = await terminate(worker);
    expect(status).toBe(0);
    expect(output).toMatch(/strange: failed: expected a job of deepntk .*, got unknown of version 0\.0\.0/);
  });

  test('the replicas of a dispersion are drawn by workers, and a killed command continues: the same numbers', async () => {
    const net = ['--input-dim', '50', '--depth', '200', '--width', '50', '--replicas', '1000000'];
    const dispersion = ['dispersion', ...net, '--json'];
    const on = [...dispersion, '--queue', 'replicas', '--checkpoint', 'replicas.json'];
    const first = commands.start(on);
    const worker = commands.startWorker('replicas');
    await commands.until('some replicas are there', () => existsSync(join(folder, 'replicas.json')));
    first.child.kill('SIGKILL');
    await first.ended;
    const { status, output } = await commands.start(on).ended;
    expect(status).toBe(0);
    await terminate(worker);
    const whole = JSON.parse(run(dispersion, { cwd: folder }).stdout) as Record<string, unknown>;
    const { threads, ...found } = JSON.parse(output) as Record<string, unknown>;
    expect({ ...whole, threads }).toEqual({ ...found, threads });
  });

  test('a worker without jobs ends after --idle', async () => {
    expect(await commands.startWorker('idle', '--idle', '1').ended).toMatchObject({
      status: 0,
      output: '0 jobs of queue idle computed\n',
    });
  });
});

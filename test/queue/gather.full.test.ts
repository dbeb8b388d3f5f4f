/** Two commands that ask for the same jobs: each does without what the other has taken out of the queue. */
import { Job as QueueJob, type Queue, Worker } from 'bullmq';

import { Gathering } from '../../src/queue/gather';
import { type Job, jobId } from '../../src/queue/jobs';
import { Commands, until } from './commands';
import { describeRedis, type RedisServer, startRedis } from './redis';

const JOB: Job = { kind: 'sweep', version: '0', settings: {}, range: [1, 2] };

describeRedis('a job that another command asks for too', () => {
  let redis: RedisServer;
  let commands: Commands;
  let queue: Queue;
  let worker: Worker;
  let gathering: Gathering;
  let results: AsyncGenerator<{ index: number; result: unknown }>;

  beforeAll(async () => {
    redis = await startRedis();
    commands = new Commands('.', redis.url);
  });
  afterAll(async () => {
    await commands.end();
    await redis.stop();
  });

  const open = async (name: string): Promise<void> => {
    queue = commands.openQueue(name);
    worker = new Worker(name, undefined, { connection: { url: redis.url }, autorun: false });
    gathering = await Gathering.open([JOB], { queue: name, redis: redis.url });
    results = gathering.results();
  };
  afterEach(async () => {
    jest.restoreAllMocks();
    await results.return(undefined);
    await gathering.close();
    await worker.close();
  });

  /** What a worker does with the next job, which has to be there. */
  const take = async (): Promise<QueueJob> => {
    let job: QueueJob | undefined;
    await until('a job is there', async () => {
      job = (await worker.getNextJob('token', { block: false })) as QueueJob | undefined;
      return job !== undefined;
    });
    return job!;
  };
  const finish = async (job: QueueJob, result: string): Promise<unknown> =>
    job.moveToCompleted(result, 'token', false);

  test('and takes out while it is read: it is asked for again', async () => {
    await open('vanishes');
    // Removed between the look at its state and the look at its result. Before, while it is waiting, the looks are left alone.
    const getState = Object.getOwnPropertyDescriptor(QueueJob.prototype, 'getState')!
      .value as QueueJob['getState'];
    const stateOf = jest.spyOn(QueueJob.prototype, 'getState').mockImplementation(async function (
      this: QueueJob,
    ) {
      const state = await getState.call(this);
      if (state !== 'completed') return state;
      stateOf.mockRestore();
      await this.remove();
      return state;
    });
    const first = results.next();
    await finish(await take(), 'taken by the other');
    await until('it has been taken out', async () => (await queue.getJobCounts())['waiting'] === 1);
    await finish(await take(), 'for us');
    expect((await first).value).toEqual({ index: 0, result: 'for us' });
  });

  test('and has put there anew: it is forgotten though a worker holds it', async () => {
    await open('held');
    const first = results.next();
    await finish(await take(), 'for both');
    expect((await first).value).toEqual({ index: 0, result: 'for both' });
    await (await queue.getJob(jobId(JOB)))!.remove();
    await queue.add(JOB.kind, JOB, { jobId: jobId(JOB) });
    const again = await take();
    await gathering.forget(0);
    expect(await again.getState()).toBe('active');
  });

  test('and takes out: forgetting it is nothing', async () => {
    await open('gone');
    const first = results.next();
    await finish(await take(), 'for both');
    await first;
    await (await queue.getJob(jobId(JOB)))!.remove();
    await gathering.forget(0);
    expect(await queue.getJobCounts()).toMatchObject({ waiting: 0, completed: 0 });
  });

  test('and whose results are of no use is asked for again a few times, ever later', async () => {
    await open('useless');
    let times = 0;
    const begin = performance.now();
    for (;;) {
      const next = results.next();
      await finish(await take(), 'useless');
      expect((await next).value).toEqual({ index: 0, result: 'useless' });
      times++;
      const again = await gathering.redo(0, 'the tile is damaged').catch((error: unknown) => error);
      if (again !== undefined) {
        expect((again as Error).message).toMatch(/the tile is damaged, at 5 attempts/);
        break;
      }
    }
    expect(times).toBe(5);
    // 1 + 2 + 4 + 8 s: a lower limit, so that no load of the machine fails it.
    expect(performance.now() - begin).toBeGreaterThan(14_000);
  }, 120_000);
});

/** A Redis that is away, or says nothing: commands can be ended all the same, and leave no connection that keeps them. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeNpy } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { Commands, type Running, terminate } from './commands';
import { describeRedis, startRedis } from './redis';

const KERNEL = ['kernel', '--x', 'X.npy', '--depth', '2', '--width', '9', '--queue', 'q', '--out', 'K.npy'];
/** Points of several seconds each. */
const SWEEP = ['sweep', '--depth', '200', '--width', '50', '--replicas', '100000', '--queue', 'q'];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-queue-silence-'));
  await writeNpy(join(folder, 'X.npy'), normalInputs(20, 784, 1, 1));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Accepts connections, hands the first ones on to a server, and answers the others never. */
class Silent {
  readonly #sockets: Socket[] = [];
  readonly #server: Server;
  accepted = 0;

  constructor(handedOn = 0, url = 'redis://127.0.0.1:1') {
    const { hostname, port } = new URL(url);
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      socket.on('error', () => undefined);
      if (this.accepted++ >= handedOn) return;
      const real = connect(Number(port), hostname);
      this.#sockets.push(real);
      real.on('error', () => undefined);
      socket.pipe(real).pipe(socket);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

async function interrupt({ child, ended }: Running): Promise<unknown> {
  child.kill('SIGINT');
  return ended;
}

/** The command has read its inputs by the time it meets silence, or has not. */
const interrupted = {
  status: 130,
  output: expect.stringMatching(/^(data: X\.npy: 20 rows, 784 features\n)?deepntk: interrupted\n$/) as string,
};
const noJobs = { status: 0, output: '0 jobs of queue q computed\n' };

test('a server that never answers', async () => {
  const silent = new Silent();
  const commands = new Commands(folder, await silent.listen());
  try {
    const worker = commands.startWorker('q');
    await commands.until('the worker connects', () => silent.accepted === 1);
    expect(await terminate(worker)).toMatchObject(noJobs);
    const gathering = commands.start(KERNEL);
    await commands.until('the command connects', () => silent.accepted === 2);
    expect(await interrupt(gathering)).toMatchObject(interrupted);
    expect(existsSync(join(folder, 'K.npy.lock'))).toBe(false);
  } finally {
    await commands.end();
    silent.close();
  }
});

describeRedis('a server that goes', () => {
  test.each([
    ['before a kernel is sent there', 1],
    ['before its tiles are asked for', 2],
  ])('silent %s', async (_, handedOn) => {
    const server = await startRedis();
    const silent = new Silent(handedOn, server.url);
    const commands = new Commands(folder, await silent.listen());
    try {
      const gathering = commands.start(KERNEL);
      await commands.until('the command meets silence', () => silent.accepted > handedOn);
      expect(await interrupt(gathering)).toMatchObject(interrupted);
      expect(existsSync(join(folder, 'K.npy.lock'))).toBe(false);
    } finally {
      await commands.end();
      silent.close();
      await server.stop();
    }
  });

  test('away while a worker waits for jobs', async () => {
    const server = await startRedis();
    const commands = new Commands(folder, server.url);
    try {
      const worker = commands.startWorker('q');
      await commands.until('it waits', async () =>
        /bzpopmin/.test((await commands.client.client('LIST')) as string),
      );
      await server.stop();
      expect(await terminate(worker)).toMatchObject(noJobs);
    } finally {
      await commands.end();
      await server.stop();
    }
  });

  test('away while a worker computes a job', async () => {
    const server = await startRedis();
    const commands = new Commands(folder, server.url);
    try {
      commands.start([...SWEEP, '--out', 'rows.csv']);
      const worker = commands.startWorker('q');
      const bull = 'bull:q:active';
      await commands.until('it has a job', async () => (await commands.client.llen(bull)) === 1);
      await server.stop();
      expect(await terminate(worker)).toMatchObject(noJobs);
    } finally {
      await commands.end();
      await server.stop();
    }
  });
});

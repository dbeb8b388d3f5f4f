/** A Redis server of the test's own, on a free port of the loopback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface RedisServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
  /** Kills it, and starts it again at the same port after a while. */
  readonly restart: (milliseconds: number) => Promise<void>;
}

/**
 * Describes what needs redis-server. Without one the tests are skipped aloud, or fail where DEEPNTK_REQUIRE_REDIS=1 (CI)
 * says that it must be there.
 */
export function describeRedis(name: string, tests: () => void): void {
  if (spawnSync('redis-server', ['--version']).status === 0) {
    describe(name, tests);
    return;
  }
  if (process.env['DEEPNTK_REQUIRE_REDIS'] === '1') {
    test(name, () => {
      throw new Error('redis-server is required, and is not installed');
    });
    return;
  }
  process.stderr.write(`SKIPPED: ${name}: redis-server is not installed\n`);
  test.skip(name, () => undefined);
}

/** @param folder where it keeps what it holds, so that a restart finds it; in memory alone where there is none */
export async function startRedis(folder?: string): Promise<RedisServer> {
  const port = await freePort();
  const kept = folder === undefined ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--dir', folder];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...kept];
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await ready(server);
  };
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    stop,
    async restart(milliseconds) {
      await stop();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await start();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout!.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('eady to accept connections')) resolve();
    });
    server.once('exit', () => {
      reject(new Error(`redis-server ended: ${said}`));
    });
  });
}

/** A Redis server of the test's own, on a free port of the loopback, in memory alone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface RedisServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
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

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(server);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
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

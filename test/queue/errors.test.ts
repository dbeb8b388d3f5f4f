/** Wrong usage of queues, and a Redis that is not there, are one line of the command. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeNpy } from '../../src/index';
import { expectFailure, run } from '../cli/run';
import { normalInputs } from '../support/arbitrary';

describe('sweep --queue, worker: without Redis', () => {
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

describe('kernel --queue: what is wrong is one line', () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'deepntk-queue-kernel-'));
    await writeNpy(join(cwd, 'X.npy'), normalInputs(20, 12, 1, 1));
  });
  afterAll(() => {
    rmSync(cwd, { recursive: true, force: true });
  });

  test.each([
    [['--queue', 'q', '--redis', 'redis://127.0.0.1:1', '--out', 'K.npy'], 1, 'cannot reach Redis at'],
    [['--queue', 'q'], 2, '--queue: expected --out'],
    [['--queue', 'q', '--memory', '1G', '--out', 'K.npy'], 2, '--memory: not to be given with --queue'],
    [['--queue', 'q', '--threads', '2', '--out', 'K.npy'], 2, '--threads: not to be given with --queue'],
    [['--queue', 'q', '--shard', '0/2', '--out', 'K.part'], 2, '--queue: not to be given with --shard'],
    [['--redis-memory', '1M', '--out', 'K.npy'], 2, '--redis-memory: only for --queue'],
    [['--queue', 'a:b', '--out', 'K.npy'], 2, 'expected a name of letters'],
  ])('%j', (flags, status, message) => {
    expectFailure(
      run(['kernel', '--x', 'X.npy', '--depth', '4', '--width', '60', '--seed', '3', ...flags], { cwd }),
      status,
      message,
    );
    expect(existsSync(join(cwd, 'K.npy.lock'))).toBe(false);
  });
});

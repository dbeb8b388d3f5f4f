/** How long a program waits for deepntk before it can begin: nothing large is loaded before it is needed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeFolder, removeFolder, root } from './stranger';

/**
 * Milliseconds of CPU time, which other work on the machine lengthens less than the time on the clock. Promised are 50 ms for
 * `require` and 150 ms for `deepntk phase`; a machine may be twice as slow as the one they were promised for.
 */
const LIMITS = { require: 2 * 50, phase: 2 * 150 };

const REPORT = `
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    console.error(JSON.stringify({ loaded: Object.keys(require.cache), cpu: (user + system) / 1000 }));
  });`;

let folder: string;

beforeAll(() => {
  folder = makeFolder();
  writeFileSync(join(folder, 'report.cjs'), REPORT);
});

afterAll(() => {
  removeFolder(folder);
});

/** Runs node with these arguments; gives the files that it loaded, and the CPU time of all of it in ms. */
function load(args: readonly string[]): { loaded: string[]; cpu: number } {
  const report = join(folder, 'report.cjs');
  const { stderr, status } = spawnSync(process.execPath, ['--require', report, ...args], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const { loaded, cpu } = JSON.parse(stderr) as { loaded: string[]; cpu: number };
  return { loaded: loaded.filter((file) => file !== report), cpu };
}

function least(args: readonly string[]): number {
  return Math.min(...Array.from({ length: 7 }, () => load(args).cpu));
}

const NOTHING = ['-e', '0'];
const REQUIRE = ['-e', `require(${JSON.stringify(root)})`];
const PHASE = [join(root, 'dist', 'cli', 'main.js'), 'phase', '--sw2', '2', '--json'];

test('require and the phase command take little time', () => {
  const bare = least(NOTHING);
  expect(least(REQUIRE) - bare).toBeLessThan(LIMITS.require);
  expect(least(PHASE)).toBeLessThan(LIMITS.phase);
});

/** Memory and the event loop while a table is read, in a process of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string;
const [ROWS, COLUMNS] = [20_000, 200];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-load-'));
  const names = Array.from({ length: COLUMNS }, (_, j) => `p${j}`).join(',');
  const row = Array.from({ length: COLUMNS }, (_, j) => (j * 7919) % 256).join(',');
  writeFileSync(join(folder, 'large.csv'), `${names}\n${`${row}\n`.repeat(ROWS)}`);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const PROGRAM = `
const { loadData } = require(process.argv[1]);
const { readFileSync } = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const before = process.memoryUsage().rss;
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
const start = performance.now();
loadData(process.argv[2]).then(({ x }) => {
  delays.disable();
  // Not resourceUsage().maxRSS: a child starts with the peak of the process that started it.
  const peak = 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  const milliseconds = performance.now() - start;
  console.log(JSON.stringify({ result: x.data.byteLength, grown: peak - before, longest: delays.max / 1e6, milliseconds }));
});
`;

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux(
  'a table takes the memory of its numbers and some tens of megabytes, and leaves the event loop free',
  () => {
    const dist = join(__dirname, '..', '..', 'dist', 'index.js');
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', PROGRAM, dist, join(folder, 'large.csv')], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as Record<'result' | 'grown' | 'longest' | 'milliseconds', number>;
    expect(found.result).toBe(8 * ROWS * COLUMNS);
    // The numbers once, chunks of text, and the garbage of a young heap, which V8 lets grow to some tens of megabytes.
    expect(found.grown).toBeLessThan(found.result + 120 * 2 ** 20);
    // A chunk is 64 KiB of 14 MB: a reader that holds the loop until the end has a ratio of 1.
    expect(found.longest / found.milliseconds).toBeLessThan(0.25);
  },
);

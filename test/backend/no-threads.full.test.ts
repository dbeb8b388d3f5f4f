/** Without threads or addons, the calling thread computes and the reason is reported (cases D1 and D2). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

import { buildSync } from 'esbuild';

import { createSpec, Mlp } from '../../src/index';

const ROOT = join(__dirname, '..', '..');

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-no-threads-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Large enough to use threads: some 10^8 operations. */
const SIZES = { inputDim: 100, depth: 3, width: 200, outputDim: 2 };
const INPUTS = 60;
const PROGRAM = `
const { Mlp, createSpec, backendInfo } = require(${JSON.stringify(ROOT)});
const net = Mlp.random(createSpec(${JSON.stringify(SIZES)}), { seed: 1 });
const X = { data: Float64Array.from({ length: ${INPUTS * 100} }, (_, i) => Math.sin(i)), shape: [${INPUTS}, 100] };
// Half a second of work, so that progress is reported on the way.
const many = { data: new Float64Array(150_000).fill(1), shape: [1500, 100] };
(async () => {
  const seen = [];
  const result = await net.ntk(X, null, { threads: 2, onProgress: ({ fraction }) => seen.push(fraction) });
  const aborted = new AbortController();
  const failure = await net.ntk(many, null, { signal: aborted.signal, onProgress: () => aborted.abort(new Error('enough')) }).then(() => null, (error) => error.message);
  const { noThreads, unavailable, threads } = backendInfo();
  console.log(JSON.stringify({ kernel: [...result.data], used: result.threads, last: seen.at(-1), failure, noThreads, unavailable, threads }));
})();
`;

interface Report {
  readonly kernel: number[];
  readonly used: number;
  readonly last: number;
  readonly failure: string | null;
  readonly noThreads: string | null;
  readonly unavailable: Readonly<Record<string, string>>;
  readonly threads: number;
}

function reportOf(args: readonly string[]): Report {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  expect({ status, stderr: stderr.includes('Error') ? stderr : '' }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Report;
}

async function expectRightKernel({ kernel }: Report): Promise<void> {
  const X = {
    data: Float64Array.from({ length: INPUTS * 100 }, (_, i) => Math.sin(i)),
    shape: [INPUTS, 100],
  };
  const { data } = await Mlp.random(createSpec(SIZES), { seed: 1 }).ntk(X, null, { backend: 'typescript' });
  expect(kernel).toEqual([...data]);
}

/** The flag of Node's permission model has another name before version 23.5. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test('under the permission model', async () => {
  const program = join(folder, 'program.js');
  writeFileSync(program, PROGRAM);
  const report = reportOf([
    PERMISSION,
    `--allow-fs-read=${ROOT}${sep}*`,
    `--allow-fs-read=${program}`,
    program,
  ]);
  await expectRightKernel(report);
  expect(report).toMatchObject({ used: 1, threads: 1, last: 1, failure: 'enough' });
  expect(report.noThreads).toBe("Node's permission model does not allow worker threads; use --allow-worker");
  expect(report.unavailable['native']).toMatch(
    /^Node's permission model does not allow the native addon \(ERR_[A-Z_]+\); use --allow-addons and --allow-fs-read=\*$/,
  );
});

test('in a bundle, beside a worker.js of another program', async () => {
  const entry = join(folder, 'entry.js');
  const outfile = join(folder, 'bundle', 'out.js');
  writeFileSync(entry, PROGRAM);
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    loader: { '.node': 'file' },
  });
  writeFileSync(join(folder, 'bundle', 'worker.js'), "throw new Error('this is another program');\n");
  const report = reportOf([outfile]);
  await expectRightKernel(report);
  expect(report).toMatchObject({ used: 1, threads: 1, last: 1, failure: 'enough' });
  expect(report.noThreads).toBe(
    'deepntk was bundled, without the file of its worker threads; mark deepntk as external in the bundler',
  );
  expect(report.unavailable['native']).toBe(
    'deepntk was bundled, without its native addon; mark deepntk as external in the bundler',
  );
});

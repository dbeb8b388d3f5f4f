/**
 * What a stranger gets from a tarball with a prebuilt addon: the native backend where there is neither a compiler nor
 * OpenBLAS, whatever installed it and however it is loaded. The prebuilt addon is made here, from the tarball's own
 * sources, so that the test needs nothing that is not in the repository.
 */
import { existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildEmptyRoot, runInRoot } from './empty-root';
import {
  type Computed,
  compute,
  emptyProject,
  makeFolder,
  pack,
  type Packed,
  pathWithoutCompiler,
  removeFolder,
  root,
  run,
  writePrograms,
} from './stranger';

/** The tools of strangers, as of the registry. Their versions are fixed, so that a new one breaks nothing unseen. */
const TOOLS = ['pnpm@10.24.0', 'yarn@1.22.22', 'publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];

/** OpenBLAS with the kernels of all CPUs, as distributions build it, takes 26 MB of it. */
const LARGEST_UNPACKED = 30e6;

const OFF = '--ignore-scripts';

let folder: string;
let release: string;
let packed: Packed;
let tools: string;

beforeAll(() => {
  folder = makeFolder();
  const { tarball } = pack(root, join(folder, 'source'));
  run(folder, 'tar', ['-xzf', tarball]);
  release = join(folder, 'package');
  rmSync(join(release, 'prebuilds'), { recursive: true, force: true });
  symlinkSync(join(root, 'node_modules'), join(release, 'node_modules'));
  run(release, 'npm', ['run', '--silent', 'prebuilds']);
  rmSync(join(release, 'node_modules'));
  rmSync(join(release, 'build'), { recursive: true });
  packed = pack(release, join(folder, 'packed'));

  const project = emptyProject(folder, 'tools');
  run(project, 'npm', ['install', OFF, '--no-audit', '--no-fund', ...TOOLS]);
  tools = join(project, 'node_modules', '.bin');
});

afterAll(() => {
  removeFolder(folder);
});

function addonOf(project: string): string {
  const folder = join(project, 'prebuilds', `${process.platform}-${process.arch}`);
  const names = ['deepntk.node', 'deepntk.glibc.node', 'deepntk.musl.node'];
  return names.map((name) => join(folder, name)).find(existsSync)!;
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'the prebuilt addon needs nothing but the C library, and exports nothing but what Node looks up',
  () => {
    const needed = run(release, 'readelf', ['-d', addonOf(release)]).matchAll(/\(NEEDED\).*\[(.*)\]/g);
    const libraries = Array.from(needed, ([, name]) => name!.replace(/\.so.*/, ''));
    expect(['libc', 'libm', 'libpthread', 'libdl', 'ld-linux-x86-64', 'ld-linux-aarch64']).toEqual(
      expect.arrayContaining(libraries),
    );
    const exported = run(release, 'nm', ['-D', '--defined-only', addonOf(release)]);
    const names = exported.trim().split('\n');
    expect(names.map((line) => line.split(' ').at(-1))).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
  },
);

test('the tarball is small, and brings the licences of what is inside the addon', () => {
  console.log(`unpacked: ${(packed.unpackedSize / 1e6).toFixed(1)} MB in ${packed.files.length} files`);
  expect(packed.unpackedSize).toBeLessThan(LARGEST_UNPACKED);
  expect(packed.files).toEqual(expect.arrayContaining(['LICENSE', 'THIRD-PARTY-NOTICES.md']));
  expect(packed.files.filter((file) => /\.(tsbuildinfo|o|a)$|^(src|test|docs)\//.test(file))).toEqual([]);
});

onLinux('in a root folder with only node, the C library and the package, it computes natively', () => {
  const project = emptyProject(folder, 'bare');
  run(project, 'npm', ['install', OFF, '--omit=optional', '--no-audit', '--no-fund', packed.tarball]);
  writePrograms(project);
  const empty = buildEmptyRoot(join(folder, 'root'), project);
  const results = ['main.cjs', 'main.mjs'].map(
    (program) => JSON.parse(runInRoot(empty, [program])) as Computed,
  );
  for (const { backend, first } of results) {
    expect(backend).toBe('native');
    expect(first).toBe(results[0]!.first);
  }
  const command = ['node_modules/deepntk/dist/cli/main.js', 'doctor', '--json'];
  expect(JSON.parse(runInRoot(empty, command))).toMatchObject({
    backend: 'native',
    blas: { library: 'OpenBLAS', threading: 'pthread' },
  });
});

test('without optional dependencies, a picture is refused and the missing package named', () => {
  const project = emptyProject(folder, 'lean');
  run(project, 'npm', ['install', OFF, '--omit=optional', '--no-audit', '--no-fund', packed.tarball]);
  expect(
    ['vega', 'vega-lite', '@resvg/resvg-js', 'dejavu-fonts-ttf'].filter((name) => has(project, name)),
  ).toEqual([]);
  const draw = `require('deepntk/report').drawKernels([{ kernel: [[1]], title: 'a' }]).catch((error) => console.log(error.code, error.message))`;
  expect(run(project, process.execPath, ['-e', draw])).toMatch(
    /^ERR_MISSING_PACKAGE pictures are drawn with the package vega, which is not installed/,
  );
});

function has(project: string, name: string): boolean {
  return existsSync(join(project, 'node_modules', name));
}

describe.each([
  ['npm', (tarball: string) => ['npm', 'install', OFF, '--no-audit', '--no-fund', tarball]],
  [
    'pnpm',
    (tarball: string) => [join(tools, 'pnpm'), 'add', OFF, '--store-dir', join(folder, 'store'), tarball],
  ],
  [
    'yarn',
    (tarball: string) => [
      join(tools, 'yarn'),
      'add',
      OFF,
      '--no-lockfile',
      '--cache-folder',
      join(folder, 'cache'),
      `file:${tarball}`,
    ],
  ],
])('installed by %s, with install scripts switched off and no compiler', (name, installation) => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    project = emptyProject(folder, `by-${name}`);
    env = { PATH: pathWithoutCompiler(folder) };
    const [command, ...args] = installation(packed.tarball);
    run(project, command!, args, env);
    writePrograms(project);
  });

  test('CommonJS, ES modules and the command run on the native backend', () => {
    const commonjs = compute(project, 'main.cjs', env);
    expect(commonjs).toMatchObject({ backend: 'native', shape: [2, 2] });
    expect(compute(project, 'main.mjs', env)).toEqual(commonjs);
    expect(compute(project, 'main.cjs', { ...env, DEEPNTK_BACKEND: 'typescript' }).first).toBeCloseTo(
      commonjs.first,
      10,
    );
    const command = join(project, 'node_modules', '.bin', 'deepntk');
    expect(JSON.parse(run(project, command, ['phase', '--sw2', '2', '--json'], env))).toMatchObject({
      phase: 'edge-of-chaos',
    });
  });

  test.each(['node16', 'bundler', 'node10'])(
    'the types compile under %s resolution, and refuse what does not apply',
    (resolution) => {
      writeTypeScriptProject(project, resolution);
      run(project, process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.']);
    },
  );
});

/** A program that uses the types, as an ES module and as a CommonJS one, and its tsconfig.json. */
function writeTypeScriptProject(project: string, resolution: string): void {
  const options = {
    module: { node16: 'node16', bundler: 'esnext', node10: 'commonjs' }[resolution],
    moduleResolution: resolution,
    ...(resolution === 'node10' ? { ignoreDeprecations: '6.0' } : {}),
    target: 'es2022',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
    lib: ['es2023', 'dom'],
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['use.mts', 'use.cts'] }),
  );
  const use = `
    import { createSpec, Mlp } from 'deepntk';
    const spec = createSpec({ inputDim: 3, depth: 2, width: 12 });
    const kernel = Mlp.random(spec, { seed: 1 }).ntk({ data: new Float64Array(6), shape: [2, 3] });
    kernel.then((result) => { const data: Float64Array = result.data; return data; });
    // @ts-expect-error hidden widths and a width exclude each other
    createSpec({ inputDim: 3, hiddenWidths: [3], width: 12, depth: 1 });
    // @ts-expect-error no such outputs
    void Mlp.random(spec, { seed: 1 }).ntk({ data: new Float64Array(6), shape: [2, 3] }, null, { outputs: 'sum' });
    // @ts-expect-error the parts are there only when asked for
    kernel.then((result) => result.perLayer);
  `;
  writeFileSync(join(project, 'use.mts'), use);
  writeFileSync(join(project, 'use.cts'), use);
}

test('publint finds nothing to say', () => {
  expect(run(release, join(tools, 'publint'), ['run', packed.tarball, '--strict'])).toMatch(/All good/);
});

test('are-the-types-wrong finds nothing wrong, under any resolution', () => {
  const report = JSON.parse(run(release, join(tools, 'attw'), [packed.tarball, '--format', 'json'])) as {
    analysis: { problems: unknown[] };
  };
  expect(report.analysis.problems).toEqual([]);
});

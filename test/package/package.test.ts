/** What a stranger gets from the tarball: CommonJS, ES modules, types, the command, with and without the addon. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(__dirname, '..', '..');
let folder: string;
let tarball: string;

/** A PATH with node and npm and the system's basic tools, but no compiler and no make. */
function pathWithoutCompiler(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of ['sh', 'env', 'ls', 'cat', 'uname', 'rm', 'mkdir', 'tar', 'gzip', 'git']) {
    const target = ['/bin', '/usr/bin'].map((place) => join(place, tool)).find(existsSync);
    if (target !== undefined && !existsSync(join(bin, tool))) symlinkSync(target, join(bin, tool));
  }
  const node = join(bin, 'node');
  if (!existsSync(node)) symlinkSync(process.execPath, node);
  const npm = join(bin, 'npm');
  if (!existsSync(npm)) symlinkSync(join(dirname(process.execPath), 'npm'), npm);
  return bin;
}

function run(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, DEEPNTK_REQUIRE_NATIVE: '', ...env },
  });
}

function emptyProject(name: string): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, version: '1.0.0', private: true }));
  return project;
}

const WORK = `
  const net = Mlp.random(createSpec({ inputDim: 3, depth: 2, width: 12 }), { seed: 1 });
  const X = { data: new Float64Array([1, 2, 3, 4, 5, 6]), shape: [2, 3] };
  net.ntk(X).then((kernel) => console.log(JSON.stringify({ backend: kernel.backend, shape: kernel.shape, first: kernel.data[0] })));
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-package-'));
  const [packed] = JSON.parse(
    run(root, 'npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]),
  ) as {
    filename: string;
  }[];
  tarball = join(folder, packed!.filename);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('installed from the tarball, with install scripts switched off and no compiler', () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    project = emptyProject('plain');
    env = { PATH: pathWithoutCompiler() };
    run(project, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], env);
  });

  test('CommonJS, ES modules and the command compute, on the TypeScript backend or a prebuilt binary', () => {
    writeFileSync(join(project, 'main.cjs'), `const { createSpec, Mlp } = require('deepntk');${WORK}`);
    writeFileSync(join(project, 'main.mjs'), `import { createSpec, Mlp } from 'deepntk';${WORK}`);
    const [commonjs, esm] = ['main.cjs', 'main.mjs'].map(
      (file) =>
        JSON.parse(run(project, process.execPath, [file], env)) as {
          backend: string;
          shape: number[];
          first: number;
        },
    );
    expect(commonjs).toEqual(esm);
    expect(commonjs!.shape).toEqual([2, 2]);
    expect(commonjs!.first).toBeGreaterThan(0);
    const doctor = JSON.parse(
      run(project, process.execPath, ['node_modules/deepntk/dist/cli/main.js', 'doctor', '--json'], env),
    ) as { backend: string };
    expect(doctor.backend).toBe(commonjs!.backend);
  });

  test('import and require give one and the same module', () => {
    writeFileSync(
      join(project, 'same.mjs'),
      `import { createRequire } from 'node:module';
       import { Mlp } from 'deepntk';
       console.log(createRequire(import.meta.url)('deepntk').Mlp === Mlp);`,
    );
    expect(run(project, process.execPath, ['same.mjs'], env).trim()).toBe('true');
  });

  test.each(['node16', 'bundler'])(
    'the types compile under %s resolution, and refuse what does not apply',
    (resolution) => {
      const options = {
        module: resolution === 'bundler' ? 'esnext' : 'node16',
        moduleResolution: resolution,
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: [],
        lib: ['es2023', 'dom'],
        typeRoots: [join(root, 'node_modules', '@types')],
      };
      writeFileSync(
        join(project, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: options, files: ['use.mts', 'use.cts'] }),
      );
      const use = `
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
      writeFileSync(join(project, 'use.mts'), `import { createSpec, Mlp } from 'deepntk';${use}`);
      writeFileSync(join(project, 'use.cts'), `import { createSpec, Mlp } from 'deepntk';${use}`);
      run(project, process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.']);
    },
  );
});

test('installed with its script allowed, where there is a compiler, the tarball builds its addon', () => {
  const project = emptyProject('built');
  run(project, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball]);
  try {
    run(project, 'npm', ['approve-scripts', 'deepntk']);
  } catch {
    // An npm that does not know the command runs install scripts unasked.
  }
  run(project, 'npm', ['rebuild', '--foreground-scripts', 'deepntk']);
  writeFileSync(join(project, 'main.cjs'), `const { createSpec, Mlp } = require('deepntk');${WORK}`);
  const result = JSON.parse(run(project, process.execPath, ['main.cjs'])) as { backend: string };
  expect(result.backend).toBe('native');
});

test('a clone installs without a compiler, and says in one line what it did', () => {
  const clone = join(folder, 'clone');
  run(folder, 'git', ['clone', '--quiet', root, clone]);
  const output = run(clone, 'npm', ['ci', '--no-audit', '--no-fund', '--foreground-scripts'], {
    PATH: pathWithoutCompiler(),
  });
  const lines = output.split('\n').filter((line) => line.startsWith('deepntk: '));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/TypeScript backend/);
  expect(
    JSON.parse(run(clone, process.execPath, ['dist/cli/main.js', 'phase', '--sw2', '2', '--json'])),
  ).toMatchObject({
    phase: 'edge-of-chaos',
  });
});

/** What a stranger gets from a tarball without prebuilt addons, and from a clone: the TypeScript backend, or a build. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  compute,
  emptyProject,
  makeFolder,
  pack,
  pathWithoutCompiler,
  removeFolder,
  root,
  run,
  writePrograms,
} from './stranger';

let folder: string;
let tarball: string;

beforeAll(() => {
  folder = makeFolder();
  ({ tarball } = pack(root, folder));
});

afterAll(() => {
  removeFolder(folder);
});

describe('installed from the tarball, with install scripts switched off and no compiler', () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    project = emptyProject(folder, 'plain');
    env = { PATH: pathWithoutCompiler(folder) };
    run(project, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], env);
    writePrograms(project);
  });

  test('CommonJS, ES modules and the command compute, on one backend', () => {
    const commonjs = compute(project, 'main.cjs', env);
    expect(compute(project, 'main.mjs', env)).toEqual(commonjs);
    expect(commonjs.shape).toEqual([2, 2]);
    expect(commonjs.first).toBeGreaterThan(0);
    const doctor = JSON.parse(
      run(project, process.execPath, ['node_modules/deepntk/dist/cli/main.js', 'doctor', '--json'], env),
    ) as { backend: string };
    expect(doctor.backend).toBe(commonjs.backend);
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
});

test('installed with its script allowed, where there is a compiler, the tarball builds its addon', () => {
  const project = emptyProject(folder, 'built');
  run(project, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball]);
  try {
    run(project, 'npm', ['approve-scripts', 'deepntk']);
  } catch {
    // An npm that does not know the command runs install scripts unasked.
  }
  run(project, 'npm', ['rebuild', '--foreground-scripts', 'deepntk']);
  writePrograms(project);
  expect(compute(project, 'main.cjs').backend).toBe('native');
});

test('a clone installs without a compiler, and says in one line what it did', () => {
  const clone = join(folder, 'clone');
  run(folder, 'git', ['clone', '--quiet', root, clone]);
  const output = run(clone, 'npm', ['ci', '--no-audit', '--no-fund', '--foreground-scripts'], {
    PATH: pathWithoutCompiler(folder),
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

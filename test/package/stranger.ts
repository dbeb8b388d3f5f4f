/** A stranger's machine: projects in a folder of their own, the tarball, a PATH without compilers. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const root = join(__dirname, '..', '..');

export interface Packed {
  readonly tarball: string;
  readonly unpackedSize: number;
  readonly files: readonly string[];
}

/** What {@link WORK} prints. */
export interface Computed {
  readonly backend: string;
  readonly shape: readonly number[];
  readonly first: number;
}

/** The body of a program: computes a kernel of two inputs, and prints a {@link Computed}. */
export const WORK = `
  const net = Mlp.random(createSpec({ inputDim: 3, depth: 2, width: 12 }), { seed: 1 });
  const X = { data: new Float64Array([1, 2, 3, 4, 5, 6]), shape: [2, 3] };
  net.ntk(X).then((kernel) => console.log(JSON.stringify({ backend: kernel.backend, shape: kernel.shape, first: kernel.data[0] })));
`;

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'deepntk-package-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs a command to its end, which must be a good one; gives its stdout. */
export function run(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, DEEPNTK_REQUIRE_NATIVE: '', ...env },
  });
}

/** The tarball of the package in `from`, written to `to`. */
export function pack(from: string, to: string): Packed {
  mkdirSync(to, { recursive: true });
  const output = run(from, 'npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to]);
  const [packed] = JSON.parse(output) as {
    filename: string;
    unpackedSize: number;
    files: { path: string }[];
  }[];
  return {
    tarball: join(to, packed!.filename),
    unpackedSize: packed!.unpackedSize,
    files: packed!.files.map(({ path }) => path),
  };
}

export function emptyProject(folder: string, name: string): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, version: '1.0.0', private: true }));
  return project;
}

/** A folder for PATH with node and npm and the system's basic tools, but no compiler and no make. */
export function pathWithoutCompiler(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of [
    'sh',
    'env',
    'ls',
    'cat',
    'uname',
    'rm',
    'mkdir',
    'tar',
    'gzip',
    'git',
    'sed',
    'dirname',
  ]) {
    const target = ['/bin', '/usr/bin'].map((place) => join(place, tool)).find(existsSync);
    if (target !== undefined && !existsSync(join(bin, tool))) symlinkSync(target, join(bin, tool));
  }
  const node = join(bin, 'node');
  if (!existsSync(node)) symlinkSync(process.execPath, node);
  const npm = join(bin, 'npm');
  if (!existsSync(npm)) symlinkSync(join(dirname(process.execPath), 'npm'), npm);
  return bin;
}

/** Writes main.cjs and main.mjs into a project, which do {@link WORK} by `require` and by `import`. */
export function writePrograms(project: string): void {
  writeFileSync(join(project, 'main.cjs'), `const { createSpec, Mlp } = require('deepntk');${WORK}`);
  writeFileSync(join(project, 'main.mjs'), `import { createSpec, Mlp } from 'deepntk';${WORK}`);
}

/** What a program of a project computed. */
export function compute(project: string, program: string, env?: NodeJS.ProcessEnv): Computed {
  return JSON.parse(run(project, process.execPath, [program], env)) as Computed;
}

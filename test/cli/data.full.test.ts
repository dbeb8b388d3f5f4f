/** Data on the standard input of the command. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { readNpy } from '../../src/index';
import { MAIN, run } from './run';

let folder: string;
const table = 'a,b,label\n1,2,cat\n3,4,dog\n-1,0.5,cat\n';
const kernel = ['--label-column', 'label', '--depth', '2', '--width', '9', '--out', 'K.npy', '--force'];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-stdin-'));
  writeFileSync(join(folder, 'table.csv'), table);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fromStdin = (input: Buffer) =>
  spawnSync(process.execPath, [MAIN, 'kernel', '--x', '-', '--delimiter', ',', ...kernel], {
    cwd: folder,
    input,
    encoding: 'utf8',
  });

test.each([
  ['plain', Buffer.from(table)],
  ['gzipped', gzipSync(table)],
])('a %s table on the standard input gives the kernel of the file', async (_, input) => {
  expect(run(['kernel', '--x', 'table.csv', ...kernel], { cwd: folder }).status).toBe(0);
  const expected = await readNpy(join(folder, 'K.npy'));
  const { status, stderr } = fromStdin(input);
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: 'data: standard input: 3 rows, 2 features (a, b); labels: 2 classes (cat, dog)\n',
  });
  expect(await readNpy(join(folder, 'K.npy'))).toEqual(expected);
});

test('an empty standard input is an error', () => {
  const { status, stderr } = fromStdin(Buffer.alloc(0));
  expect(stderr).toMatch(/^deepntk: standard input: expected a table .*, got an empty file\n$/);
  expect(status).toBe(1);
});

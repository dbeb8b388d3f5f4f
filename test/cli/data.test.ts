/** Data of the command: the same flags everywhere, test data that fit training data, and a line that describes the data. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { readNpy, writeNpy } from '../../src/index';
import { normalInputs } from '../support/arbitrary';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

let folder: string;
const NAMES = ['cat', 'dog', 'owl'];
const header = 'a,b,c,label';

/** Rows near (3, 0, 0) for cats, (0, 3, 0) for dogs, (0, 0, 3) for owls. */
function rows(n: number, seed: number): (string | number)[][] {
  const { data } = normalInputs(3 * n, 3, seed);
  return Array.from({ length: 3 * n }, (_, i) => [
    ...[0, 1, 2].map((j) => (0.3 * data[3 * i + j]! + (j === i % 3 ? 3 : 0)).toFixed(3)),
    NAMES[i % 3]!,
  ]);
}
const table = (names: string, lines: (string | number)[][]): string =>
  `${names}\n${lines.map((line) => line.join(',')).join('\n')}\n`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-data-'));
  const [training, test] = [rows(20, 1), rows(10, 2)];
  const files: Record<string, string | Buffer> = {
    'tr.csv': table(header, training),
    'tr.csv.gz': gzipSync(table(header, training)),
    'te.csv': table(header, test),
    'te_nocat.csv': table(
      header,
      test.filter(([, , , label]) => label !== 'cat'),
    ),
    'te_perm.csv': table(
      'c,a,b,label',
      test.map(([a, b, c, label]) => [c!, a!, b!, label!]),
    ),
    'te_xyz.csv': table('x,y,z,label', test),
    'te_bird.csv': table(header, [...test, [1, 1, 1, 'bird']]),
    'reg.csv': table(
      'a,b,price',
      training.map(([a, b, c]) => [a!, b!, c!]),
    ),
    'digits.csv': table(
      'a,b,digit',
      training.map(([a, b], i) => [a!, b!, i % 2 === 0 ? 3 : 8]),
    ),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  await writeNpy(join(folder, 'X.npy'), normalInputs(40, 3, 3));
  const y = Float64Array.from({ length: 40 }, (_, i) => i % 4);
  await writeNpy(join(folder, 'column.npy'), { data: y, shape: [40, 1] });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const here = () => ({ cwd: folder });
const STEPS = [
  '--hidden',
  '30',
  '--seed',
  '1',
  '--optimizer',
  'adam',
  '--learning-rate',
  '0.01',
  '--steps',
  '150',
];
let runs = 0;
const trainWith = (...more: string[]) => ['train', ...more, ...STEPS, '--out', `run-${++runs}`];
const LABELLED = ['--x', 'tr.csv', '--label-column', 'label'];

describe('test data fit training data (A1, A2)', () => {
  test.each([
    ['te.csv', []],
    ['te_nocat.csv', ['te_nocat.csv, column "label": no row has the class cat']],
    ['te_perm.csv', ['te_perm.csv: columns c, a, b are put in the order of tr.csv: a, b, c']],
  ])('%s: test accuracy 1', async (name, notes) => {
    const result = await runJsonInProcess(trainWith(...LABELLED, '--test-x', name), here());
    expect(result['testAccuracy']).toBe(1);
    expect(result).toMatchObject({ classes: NAMES, columns: ['a', 'b', 'c'] });
    expect(result['loaded']).toMatchObject([
      { file: 'tr.csv', rows: 60, features: 3, classes: NAMES, targets: null, notes: [] },
      { file: name, features: 3, notes },
    ]);
    const stored = JSON.parse(readFileSync(join(folder, `run-${runs}`, 'result.json'), 'utf8')) as object;
    expect(stored).toMatchObject({ classes: NAMES, columns: ['a', 'b', 'c'] });
  });

  test.each([
    ['te_xyz.csv', 'te_xyz.csv: expected the columns of tr.csv, a, b, c, got no a, b, c, also x, y, z'],
    [
      'te_bird.csv',
      'te_bird.csv: line 32, column "label": expected a class of tr.csv (cat, dog, owl), got "bird"',
    ],
    ['reg.csv', 'reg.csv: expected the label column "label", got columns a, b, price'],
  ])('%s is refused', async (name, message) => {
    expectFailure(await runInProcess(trainWith(...LABELLED, '--test-x', name), here()), 1, message);
  });

  test('without --json the lines are on stderr', async () => {
    const { status, stderr } = await runInProcess(trainWith(...LABELLED, '--test-x', 'te_perm.csv'), here());
    expect(status).toBe(0);
    expect(stderr).toBe(
      'data: tr.csv: 60 rows, 3 features (a, b, c); labels: 3 classes (cat, dog, owl)\n' +
        'data: te_perm.csv: 30 rows, 3 features (a, b, c); labels: 3 classes (cat, dog, owl)\n' +
        'data: te_perm.csv: columns c, a, b are put in the order of tr.csv: a, b, c\n',
    );
  });

  test('a run does not go on with other classes or columns', async () => {
    const args = trainWith(...LABELLED, '--checkpoint-every', '50');
    expect((await runInProcess(args, here())).status).toBe(0);
    expect((await runInProcess([...args, '--resume'], here())).status).toBe(0);
    expectFailure(
      await runInProcess([...args, '--resume', '--classes', 'owl,dog,cat'], here()),
      1,
      'other settings: classes ["cat","dog","owl"], here ["owl","dog","cat"]',
    );
    expectFailure(
      await runInProcess([...args, '--resume', '--columns', 'b,a,c'], here()),
      1,
      'other settings: columns ["a","b","c"], here',
    );
    // A checkpoint of another run in the same folder.
    const other = trainWith(...LABELLED, '--checkpoint-every', '50', '--columns', 'b,a,c');
    expect((await runInProcess(other, here())).status).toBe(0);
    const checkpoint = readFileSync(join(folder, other.at(-1)!, 'checkpoint.safetensors'));
    writeFileSync(join(folder, args[args.indexOf('--out') + 1]!, 'checkpoint.safetensors'), checkpoint);
    expectFailure(
      await runInProcess([...args, '--resume'], here()),
      1,
      'expected the columns and classes of the data',
    );
  });
});

describe('classes or targets', () => {
  test('a column of numbers is refused as classes, and trained on as targets (A3)', async () => {
    expectFailure(
      await runInProcess(trainWith('--x', 'reg.csv', '--label-column', 'price'), here()),
      1,
      'reg.csv: line 2, column "price": expected a class (a name or a whole number)',
    );
    const result = await runJsonInProcess(trainWith('--x', 'reg.csv', '--target-column', 'price'), here());
    expect(result).toMatchObject({
      accuracy: null,
      loaded: [{ classes: null, targets: 1, targetColumns: ['price'] }],
    });
    const both = await runJsonInProcess(
      trainWith('--x', 'reg.csv', '--target-column', 'price', '--target-column', 'b'),
      here(),
    );
    expect(both).toMatchObject({ loaded: [{ features: 1, targets: 2, targetColumns: ['price', 'b'] }] });
  });

  test('whole numbers of shape N x 1 are refused, and read as what they are said to be (B1)', async () => {
    const data = ['--x', 'X.npy', '--y', 'column.npy', '--loss', 'cross-entropy'];
    expectFailure(
      await runInProcess(trainWith(...data), here()),
      1,
      'column.npy: expected data that are either classes or targets',
    );
    expect(await runJsonInProcess(trainWith(...data, '--targets-are', 'classes'), here())).toMatchObject({
      classes: ['0', '1', '2', '3'],
    });
    expectFailure(
      await runInProcess(trainWith(...data, '--targets-are', 'numbers'), here()),
      2,
      'expected two classes or more for the cross-entropy',
    );
  });

  test('digits 3 and 8 are two classes; ten outputs ask what is meant', async () => {
    const data = ['--x', 'digits.csv', '--label-column', 'digit'];
    const { status, stderr } = await runInProcess(trainWith(...data), here());
    expect([status, stderr]).toEqual([
      0,
      'data: digits.csv: 60 rows, 2 features (a, b); labels: 2 classes (3, 8), numbered 0, 1\n',
    ]);
    expectFailure(
      await runInProcess(trainWith(...data, '--outputs', '10'), here()),
      2,
      '--classes 10 keeps their numbers',
    );
    expect(
      (await runJsonInProcess(trainWith(...data, '--outputs', '10', '--classes', '10'), here()))['classes'],
    ).toHaveLength(10);
  });

  test.each<[args: string[], message: string]>([
    [
      [...LABELLED, '--target-column', 'a'],
      '--target-column: not to be given with labelColumn (--label-column)',
    ],
    [[...LABELLED, '--targets-are', 'numbers'], '--targets-are: expected classes with labelColumn'],
    [[...LABELLED, '--delimiter', 'ab'], 'Expected one character that separates columns'],
    [[...LABELLED, '--decimal', ';'], 'Allowed choices are ., ,'],
    [[...LABELLED, '--encoding', 'ebcdic'], 'Allowed choices are utf-8'],
    [[...LABELLED, '--columns', '"a'], 'Expected names such as a,b,c'],
    [['--x', '-', '--y', '-'], 'expected the standard input (-) for one file'],
    [['--x', 'X.npy', '--y', 'column.npy', '--test-x', 'X.npy'], 'expected --test-y with --test-x, got none'],
  ])('%j is wrong usage', async (args, message) => {
    expectFailure(await runInProcess(trainWith(...args), here()), 2, message);
  });
});

describe('every command reads every format (A7)', () => {
  const kernel = (source: string, ...more: string[]) =>
    runInProcess(
      [
        'kernel',
        '--x',
        source,
        '--label-column',
        'label',
        '--depth',
        '2',
        '--width',
        '9',
        '--out',
        'K.npy',
        '--force',
        ...more,
      ],
      here(),
    );

  test('kernel: a table, plain and gzipped', async () => {
    const kernels = [];
    for (const source of ['tr.csv', 'tr.csv.gz']) {
      expect(await kernel(source)).toMatchObject({
        status: 0,
        stderr: `data: ${source}: 60 rows, 3 features (a, b, c); labels: 3 classes (cat, dog, owl)\n`,
      });
      kernels.push(await readNpy(join(folder, 'K.npy')));
    }
    for (const other of kernels) expect(other).toEqual(kernels[0]);
  });

  test('kernel: --x2 is matched to --x by name', async () => {
    expect((await kernel('tr.csv', '--x2', 'te.csv')).status).toBe(0);
    const expected = await readNpy(join(folder, 'K.npy'));
    const permuted = await kernel('tr.csv', '--x2', 'te_perm.csv');
    expect(permuted.stderr).toContain('data: te_perm.csv: columns c, a, b are put in the order of tr.csv');
    expect(await readNpy(join(folder, 'K.npy'))).toEqual(expected);
    expectFailure(
      await kernel('tr.csv', '--x2', 'te_xyz.csv'),
      1,
      'te_xyz.csv: expected the columns of tr.csv',
    );
  });

  test('phase and diagnose', async () => {
    expect((await runInProcess(trainWith(...LABELLED), here())).status).toBe(0);
    const net = join(`run-${runs}`, 'net.safetensors');
    const phase = await runJsonInProcess(
      ['phase', '--net', net, '--x', 'tr.csv', '--label-column', 'label'],
      here(),
    );
    expect(phase['loaded']).toMatchObject([{ file: 'tr.csv', rows: 60, features: 3 }]);
    const report = await runJsonInProcess(
      ['diagnose', ...LABELLED, '--depth', '1', '--width', '20', '--quick'],
      here(),
    );
    expect(report).toMatchObject({
      loaded: [{ classes: NAMES }],
      data: { classes: 3 },
      net: { outputDim: 3 },
    });
  });

  test('flags that a command has no use for do not exist', async () => {
    expectFailure(await kernel('tr.csv', '--targets-are', 'classes'), 2, "unknown option '--targets-are'");
    expectFailure(await runInProcess(['diagnose', '--csv', 'tr.csv'], here()), 2, "unknown option '--csv'");
  });
});

/** Arrays and images (.npy, .npz, IDX), gzipped or not, and the names of formats that are refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

import { loadData, loadMnist, readNpy } from '../../src/index';
import { findMnist } from '../../src/data/mnist';
import { encodeNpy } from '../../src/data/npy';
import { failure } from './failure';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-load-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const npy = (numbers: readonly number[], shape = [numbers.length]): Buffer =>
  Buffer.from(encodeNpy({ data: Float64Array.from(numbers), shape }));
const rows = (n: number): Buffer =>
  npy(
    Array.from({ length: 2 * n }, (_, i) => i),
    [n, 2],
  );

function idx(shape: readonly number[], bytes: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => header.writeUInt32BE(extent, 4 + 4 * axis));
  return Buffer.concat([header, Uint8Array.from(bytes)]);
}

/** A zip archive as numpy writes it; `change` damages a local entry. */
function zip(members: Readonly<Record<string, Buffer>>, { method = 8, sum = 0 } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(members)) {
    const data = method === 8 ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE((crc32(content) ^ sum) >>> 0, 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), fields, tail, Buffer.from(name)]),
    );
    parts.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

describe('labels and targets in arrays (B1, B2)', () => {
  const load = (y: Buffer, options = {}) => loadData(rows(4), { ...options, y: file('y.npy', y) });

  test.each<[name: string, y: number[], shape: number[], expected: object]>([
    ['class numbers, N', [0, 1, 2, 1], [4], { labels: [0, 1, 2, 1], classes: ['0', '1', '2'] }],
    ['-1 and 1', [-1, 1, 1, -1], [4], { labels: [0, 1, 1, 0], classes: ['-1', '1'] }],
    ['from 1', [1, 2, 3, 1], [4], { labels: [0, 1, 2, 0], classes: ['1', '2', '3'] }],
    ['fractions, N x 1', [0.5, 1, 2, 1], [4, 1], { labels: null, y: { shape: [4, 1] } }],
    ['targets, N x 2', [1, 0, 0, 1, 1, 0, 0, 1], [4, 2], { labels: null, y: { shape: [4, 2] } }],
  ])('%s', async (_, y, shape, expected) => {
    expect(await load(npy(y, shape))).toMatchObject(expected);
  });

  test('whole numbers, N x 1, are refused, and read when it is said what they are', async () => {
    const y = npy([0, 1, 2, 3], [4, 1]);
    const { message } = await failure(load(y));
    expect(message).toContain('whole numbers, N x 1, which can mean either');
    expect(message).toContain('(--targets-are classes)');
    expect(message).toContain('(--targets-are numbers)');
    expect(await load(y, { targetsAre: 'classes' })).toMatchObject({ classes: ['0', '1', '2', '3'] });
    expect(await load(y, { targetsAre: 'numbers' })).toMatchObject({ classes: null, y: { shape: [4, 1] } });
  });

  test.each<[name: string, y: Buffer, options: object, message: string]>([
    [
      'fractions, N',
      npy([0, 0.5, 1, 2]),
      {},
      'row 1: expected a class number, or targets of shape N x 1, got 0.5',
    ],
    ['another length', npy([0, 1, 2]), {}, 'expected a target for each of the 4 inputs, got 3'],
    [
      'NaN in targets',
      npy([0.5, NaN, 1, 1], [4, 1]),
      {},
      'row 1: expected a class or a finite number, got NaN',
    ],
    [
      'infinity in targets',
      npy([1, 2, 3, 4, Infinity, 6, 7, 8], [4, 2]),
      {},
      'entry [2, 0]: expected a finite number, got Infinity',
    ],
    [
      'three axes',
      npy([0, 1, 2, 3], [4, 1, 1]),
      {},
      'expected class numbers, N, or targets, N x K, got shape (4, 1, 1)',
    ],
    [
      'one-hot rows as classes',
      npy([1, 0, 0, 1, 1, 0, 0, 1], [4, 2]),
      { targetsAre: 'classes' },
      'expected classes, one a row, got 2 columns',
    ],
  ])('%s: refused', async (_, y, options, message) => {
    expect((await failure(load(y, options))).message).toContain(message);
  });

  test.each([
    ['names', 'kind\ncat\ndog\ncat\ndog\n', { classes: ['cat', 'dog'] }],
    ['several targets', 'p,q\n1,2\n3,4\n5,6\n7,8\n', { targetColumns: ['p', 'q'], y: { shape: [4, 2] } }],
    ['fractions', 'p\n1\n2.5\n3\n4\n', { classes: null, y: { shape: [4, 1] } }],
  ])('a table of %s beside an array', async (_, table, expected) => {
    expect(await loadData(rows(4), { y: file('y.csv', table) })).toMatchObject(expected);
  });

  test('a table of whole numbers beside an array is refused like N x 1', async () => {
    const { message } = await failure(loadData(rows(4), { y: file('y.csv', 'p\n1\n2\n3\n4\n') }));
    expect(message).toContain('whole numbers, N x 1, which can mean either');
  });

  test('a number beyond float64 is no target', async () => {
    const y = file('y.csv', 'p\n1.5\n2\n-1e999\n4\n');
    const { message } = await failure(loadData(rows(4), { y }));
    expect(message).toContain('line 4, column "p": expected a class or a finite number, got -1e999');
  });

  test('names that a table of answers lacks are missed, with the way to say so', async () => {
    const y = file('y.csv', 'ant\nbee\nant\ncow\n');
    const { message } = await failure(loadData(rows(4), { y }));
    expect(message).toContain('got 3; its first line (ant) is taken as names: header: false (--no-header)');
    expect((await loadData(rows(4), { y, header: false })).labels).toEqual([0, 1, 0, 2]);
    expect((await failure(loadData(rows(6), { y }))).message).toMatch(/got 3$/);
  });

  test('the summary says which tables have names, and a name before numbers is no data', async () => {
    const x = file('x.csv', '1,2\n3,4\n5,6\n');
    const y = file('y.csv', '7.5\n8\n9\n');
    expect((await loadData(x, { y, header: false })).summary).toBe(
      `${x}: 3 rows, 2 features (no names in line 1); ${y} (no names in line 1): targets: 1 number per row`,
    );
    const named = file('named.csv', 'price\n7.5\n8\n9\n8\n');
    expect((await loadData(rows(4), { y: named })).summary).toContain(
      `; ${named} (names in line 1): targets: 1 number per row`,
    );
    const mixed = file('mixed.csv', 'k\n1\n0\n');
    const { message } = await failure(loadData(x, { y: mixed, header: false }));
    expect(message).toContain(
      'mixed.csv: line 1: expected a number, as in the other lines, because header: false (--no-header) applies to all tables, got "k"',
    );
    const options = { y: mixed, header: false, targetsAre: 'classes' } as const;
    expect((await loadData(x, options)).classes).toEqual(['0', '1', 'k']);
  });

  test('the index of pandas is not a target, also where columns of the inputs are chosen', async () => {
    const x = file('x.csv', 'a,b\n1,2\n3,4\n');
    const { message } = await failure(loadData(x, { y: file('y.csv', ',k\n0,5\n1,7\n'), columns: ['a'] }));
    expect(message).toContain('y.csv: line 1, column 0: expected a name for each column, got an empty name');
    expect(message).toMatch(/index=False\) omits it\)$/);
  });

  test('options of tables are refused for arrays', async () => {
    for (const options of [{ labelColumn: 'a' }, { targetColumn: 1 }, { columns: [0] }]) {
      const error = await failure(loadData(rows(4), options));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: Object.keys(options)[0] });
      expect(error.message).toContain('only for tables (CSV, TSV)');
    }
  });
});

test('the format of tables is not used for arrays, and that is said', async () => {
  const options = { header: false, encoding: 'latin1' } as const;
  const { notes } = await loadData(rows(4), options);
  expect(notes).toEqual([
    'data in memory: is an array, so header: false (--no-header) is not used: it describes tables (CSV, TSV)',
    'data in memory: is an array, so encoding: "latin1" (--encoding latin1) is not used: it describes tables (CSV, TSV)',
  ]);
  expect((await loadData(rows(4), { ...options, y: file('y.csv', '1.5\n2\n3\n4\n') })).notes).toEqual([]);
});

describe('inputs', () => {
  test.each<[name: string, content: Buffer, message: string]>([
    ['a vector', npy([1, 2, 3]), 'expected inputs, N x n_0, got shape (3)'],
    ['a scalar', npy([1], []), 'expected inputs, N x n_0, got shape ()'],
    ['no rows', npy([], [0, 2]), 'expected at least one input, got shape (0, 2)'],
    ['NaN', npy([1, 2, NaN, 4], [2, 2]), 'entry [1, 0]: expected a finite number, got NaN'],
    [
      'IDX labels',
      idx([3], [1, 2, 3]),
      'expected inputs, N x n_0, got IDX labels, one per row; pass them as y (--y)',
    ],
  ])('%s: refused', async (_, content, message) => {
    expect((await failure(loadData(content))).message).toContain(message);
  });

  test('allowNonFinite lets NaN pass', async () => {
    expect((await loadData(npy([NaN, 1], [1, 2]), { allowNonFinite: true })).x.data[0]).toBeNaN();
  });

  test('images of an array are flattened, and that is said; of IDX they are also scaled', async () => {
    const array = await loadData(npy([0, 51, 102, 255], [1, 2, 2]));
    expect(array).toMatchObject({ x: { shape: [1, 4] }, columns: null });
    expect(Array.from(array.x.data)).toEqual([0, 51, 102, 255]);
    expect(array.notes).toEqual([
      'data in memory: inputs of 2 x 2 are flattened to 4 features, and their values are not changed',
    ]);
    const images = await loadData(idx([1, 2, 2], [0, 51, 102, 255]));
    expect(Array.from(images.x.data)).toEqual([0, 0.2, 0.4, 1]);
    expect(images.summary).toBe('data in memory: 1 row, 4 features (2 x 2)');
  });

  test('float32 keeps its type', async () => {
    const { x } = await loadData(encodeNpy({ data: Float32Array.of(1, 2), shape: [1, 2] }));
    expect(x.data).toEqual(Float32Array.of(1, 2));
  });

  test('IDX labels of EMNIST, from 1 on (B4)', async () => {
    const y = file('letters-idx1-ubyte', idx([4], [1, 26, 2, 1]));
    expect(await loadData(rows(4), { y })).toMatchObject({ classes: ['1', '2', '26'], labels: [0, 2, 1, 0] });
    const { message } = await failure(loadData(rows(4), { y: file('images', idx([4, 1, 1], [1, 2, 3, 4])) }));
    expect(message).toContain('expected class numbers, N, or targets, N x K, got IDX images');
  });
});

describe('gzipped files (B3)', () => {
  test('.npy.gz, IDX and .npz.gz, under any name', async () => {
    const plain = await loadData(rows(3));
    expect((await loadData(gzipSync(rows(3)))).x).toEqual(plain.x);
    expect((await loadData(file('x.npy.gz', gzipSync(rows(3))))).x).toEqual(plain.x);
    expect((await readNpy(file('named-as-you-like', gzipSync(rows(3))))).shape).toEqual([3, 2]);
    expect((await loadData(gzipSync(idx([1, 2], [255, 0])))).x.data).toEqual(Float64Array.of(1, 0));
    expect((await loadData(gzipSync(zip({ 'x.npy': rows(3) })))).x).toEqual(plain.x);
  });

  test('arrays of many chunks, of every size of number, cut at any byte', async () => {
    const data = Float64Array.from({ length: 150_000 }, (_, i) => i * 0.25);
    const { x } = await loadData(gzipSync(encodeNpy({ data, shape: [50_000, 3] })));
    expect(x.data).toEqual(data);
    const header = Buffer.from(encodeNpy({ data: new Float64Array(0), shape: [0] })).subarray(0, 128);
    const text = header
      .toString('latin1')
      .replace("'<f8'", "'>i8'")
      .replace('(0,), }', '(99999, 1), }')
      .slice(0, 127);
    const big = Buffer.alloc(8 * 99_999);
    for (let i = 0; i < 99_999; i++) big.writeBigInt64BE(BigInt(i - 5), 8 * i);
    const whole = await loadData(
      gzipSync(Buffer.concat([Buffer.from(`${text.slice(0, 127)}\n`, 'latin1'), big])),
    );
    expect([whole.x.data[0], whole.x.data[99_998]]).toEqual([-5, 99_993]);
  });

  test.each([
    ['cut off', gzipSync(rows(3)).subarray(0, 40), 'expected a complete gzip file'],
    ['gzipped twice', gzipSync(gzipSync(rows(3))), 'a gzip file inside a gzip file'],
    ['of nothing', gzipSync(''), 'got an empty file'],
    ['of a header that promises more', gzipSync(rows(3).subarray(0, 140)), '(truncated): expected 48 bytes'],
    [
      'of more than the header says',
      gzipSync(Buffer.concat([rows(3), Buffer.alloc(9)])),
      '(trailing bytes): expected 48',
    ],
  ])('%s: refused', async (_, content, message) => {
    expect((await failure(loadData(content))).message).toContain(message);
  });
});

describe('.npz', () => {
  const both = { 'x.npy': rows(3), 'y.npy': npy([0, 1, 1]) };

  test.each([0, 8])('arrays by name, method %d', async (method) => {
    const path = file(`both-${method}.npz`, zip(both, { method }));
    const data = await loadData(`${path}:x`, { y: `${path}:y` });
    expect(data).toMatchObject({ x: { shape: [3, 2] }, labels: [0, 1, 1], classes: ['0', '1'] });
    expect(data.summary).toContain(`${path}:x: 3 rows, 2 features; ${path}:y: labels: 2 classes (0, 1)`);
  });

  test('arrays of a gzipped file by name, and without a file name no name is asked for', async () => {
    const path = file('both.npz.gz', gzipSync(zip(both)));
    const { message } = await failure(loadData(path));
    expect(message).toContain(`as in ${path}:x, got arrays x, y`);
    expect(await loadData(`${path}:x`, { y: `${path}:y` })).toMatchObject({ labels: [0, 1, 1] });
    expect((await failure(loadData(zip(both)))).message).toBe(
      'data in memory: expected one array, or a file .npz, whose arrays can be named, got arrays x, y',
    );
  });

  test('one array needs no name', async () => {
    expect((await loadData(zip({ 'arr_0.npy': rows(3) }))).x.shape).toEqual([3, 2]);
  });

  test.each<[name: string, content: Buffer, member: string, message: string]>([
    ['no name for two', zip(both), '', 'expected the name of an array'],
    ['a name that is not there', zip(both), ':z', 'expected one array "z", got arrays x, y'],
    ['a damaged array', zip(both, { sum: 1 }), ':x', 'the file is damaged'],
    ['a file that is cut off', zip(both).subarray(0, 200), ':x', 'expected a complete .npz file'],
    [
      'no arrays',
      zip({ 'a.txt': Buffer.from('a') }),
      '',
      'expected a .npz file of arrays, got a zip file of a.txt',
    ],
    [
      'an Excel file',
      zip({ '[Content_Types].xml': Buffer.from('<'), 'xl/a.xml': Buffer.from('<') }),
      '',
      'an Excel file',
    ],
    ['a PyTorch file', zip({ 'model/data.pkl': Buffer.from('.') }), '', 'a PyTorch file'],
    ['another format under the name', rows(3), ':x', 'got another format'],
  ])('%s: refused', async (name, content, member, message) => {
    const path = file(`${name.replaceAll(' ', '-')}.npz`, content);
    expect((await failure(loadData(`${path}${member}`))).message).toContain(message);
  });

  test.each(['plain', 'packed'])(
    'what numpy wrote to %s.npz (fixtures/make_npz.py) is read',
    async (name) => {
      const path = join(__dirname, 'fixtures', 'npz', `${name}.npz`);
      const { x, labels, classes } = await loadData(`${path}:x`, { y: `${path}:y` });
      expect([Array.from(x.data), labels, classes]).toEqual([
        [0, 1, 2, 3, 4, 5],
        [0, 1, 0],
        ['1', '2'],
      ]);
    },
  );
});

describe('formats that are not read are named, with a way to convert them (B3, A6)', () => {
  const latin = (text: string) => Buffer.from(text, 'latin1');
  test.each<[name: string, content: Buffer, message: string]>([
    [
      'mnist.pkl.gz',
      gzipSync(Buffer.from([0x80, 3, 0x63, 0x6e])),
      'a Python pickle, which runs code when it is loaded',
    ],
    ['old.pkl', latin('(lp0\nI1\na.'), 'a Python pickle'],
    ['t.parquet', latin('PAR1....PAR1'), "pandas.read_parquet(file).to_csv('data.csv', index=False)"],
    ['t.xls', latin('\xd0\xcf\x11\xe0....'), 'an Excel file'],
    ['t.mat', latin('MATLAB 5.0 MAT-file'), 'scipy.io.loadmat'],
    ['t.h5', latin('\x89HDF\r\n\x1a\n'), 'h5py'],
    ['t.feather', latin('ARROW1\0\0'), 'pandas.read_feather'],
    ['t.json', latin('[{"a": 1}]'), 'a JSON file'],
    ['t.arff', latin('@relation iris\n'), 'an ARFF file'],
    ['t.bz2', latin('BZh91AY'), 'a bzip2 file; unpack it first'],
    ['t.xz', latin('\xfd7zXZ\0'), 'an xz file; unpack it first'],
    ['t.csv.zst', latin('\x28\xb5\x2f\xfd'), 'a Zstandard file'],
    ['t.png', latin('\x89PNG\r\n'), 'an image'],
    ['t.npy', latin('a,b\n1,2\n'), 'expected a .npy file'],
    ['t.npz', latin('a,b\n1,2\n'), 'expected a .npz file'],
    ['t.csv', latin('a,b\n1,\0\n'), 'line 2: expected a table (CSV, TSV), got a zero byte'],
  ])('%s', async (name, content, message) => {
    const error = await failure(loadData(file(name, content)));
    expect(error.code).toBe('ERR_INVALID_FILE');
    expect(error.message).toContain(message);
  });

  test('a file that is not there, and a folder', async () => {
    expect((await failure(loadData(join(folder, 'none.csv')))).message).toContain('none.csv: no such file');
    expect((await failure(loadData(folder))).message).toContain('it is a folder');
  });
});

describe('folders of MNIST (B4)', () => {
  test.each([
    ['train-images-idx3-ubyte', 'train'],
    ['train-images.idx3-ubyte', 'train'],
    ['t10k-images-idx3-ubyte.gz', 't10k'],
    ['emnist-letters-test-images-idx3-ubyte', 't10k'],
  ] as const)('%s is found', (name, part) => {
    const own = mkdtempSync(join(folder, 'mnist-'));
    writeFileSync(join(own, name), '');
    expect(findMnist(own, part, 'images')).toBe(join(own, name));
    expect(() => findMnist(own, part, 'labels')).toThrow(
      `expected a file ${part}-labels-idx1-ubyte, plain or gzipped, got none`,
    );
  });

  test('of a plain and a gzipped file the plain one is taken; two sets are refused', () => {
    const own = mkdtempSync(join(folder, 'mnist-'));
    writeFileSync(join(own, 'train-images-idx3-ubyte'), '');
    writeFileSync(join(own, 'train-images-idx3-ubyte.gz'), '');
    expect(findMnist(own, 'train', 'images')).toBe(join(own, 'train-images-idx3-ubyte'));
    writeFileSync(join(own, 'emnist-letters-train-images-idx3-ubyte'), '');
    expect(() => findMnist(own, 'train', 'images')).toThrow(
      'expected one file like train-images-idx3-ubyte, got',
    );
    expect(() => findMnist(join(own, 'none'), 'train', 'images')).toThrow('no such file or folder');
  });

  test('all digits of a small set', async () => {
    const images = file('few-images', idx([3, 1, 1], [0, 255, 51]));
    const labels = file('few-labels', idx([3], [7, 7, 2]));
    expect(await loadMnist({ images, labels })).toEqual({
      x: { data: Float64Array.of(0, 1, 0.2), shape: [3, 1] },
      labels: [7, 7, 2],
    });
  });
});

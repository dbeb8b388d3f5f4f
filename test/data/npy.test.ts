import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';

import { encodeNpy, readNpy, writeNpy } from '../../src/data/npy';

const FIXTURES = join(__dirname, 'fixtures', 'npy');

const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<
  string,
  { shape: number[]; data: string[] }
>;

function fixture(name: string): Buffer {
  return readFileSync(join(FIXTURES, `${name}.npy`));
}

/** Python prints infinity as "inf" and "-inf". */
function fromPython(text: string): number {
  return Number(text.replace('inf', 'Infinity'));
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-npy-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('files that numpy wrote', () => {
  test.each(Object.keys(expected))('%s.npy is read exactly', async (name) => {
    const array = await readNpy(join(FIXTURES, `${name}.npy`));
    expect(array.shape).toEqual(expected[name]!.shape);
    expect(Array.from(array.data)).toEqual(expected[name]!.data.map(fromPython));
    expect(array.data.constructor).toBe(/^f[24]/.test(name) ? Float32Array : Float64Array);
  });

  test.each(['f8', 'f8_special', 'f8_vector', 'f8_scalar', 'f8_empty', 'f4'])(
    'encodeNpy writes byte for byte what numpy wrote to %s.npy',
    async (name) => {
      expect(Buffer.from(encodeNpy(await readNpy(fixture(name)))).equals(fixture(name))).toBe(true);
    },
  );

  test.each([
    ['complex', 'complex numbers (dtype "<c16")'],
    ['object', 'Python objects (dtype "|O")'],
    ['string', 'strings (dtype "<U3")'],
    ['bytes', 'strings of bytes (dtype "|S3")'],
    ['dates', 'dates (dtype "<M8[D]")'],
    ['structured', 'records (a structured dtype)'],
    ['longdouble', 'dtype "<f16"'],
    ['i8_too_large', 'expected an integer that float64 can represent, up to 2^53, got 9007199254740993'],
    ['u8_too_large', 'got 18446744073709551615'],
  ])('%s.npy is refused by name', async (name, message) => {
    const path = join(FIXTURES, `${name}.npy`);
    await expect(readNpy(path)).rejects.toMatchObject({
      code: 'ERR_INVALID_FILE',
      message: expect.stringContaining(message) as string,
    });
    await expect(readNpy(path)).rejects.toThrow(path);
  });
});

describe('damaged files', () => {
  const whole = fixture('f8');

  function withHeader(text: string, data = new Uint8Array(48)): Buffer {
    return Buffer.concat([
      whole.subarray(0, 8),
      Uint8Array.of(text.length & 255, text.length >> 8),
      Buffer.from(text),
      data,
    ]);
  }

  test('the header helper makes good files', async () => {
    const text = `{'shape': (2, 3,), "fortran_order": False, 'descr': '<f8'}\n`;
    expect((await readNpy(withHeader(text))).shape).toEqual([2, 3]);
  });

  test.each([
    ['an empty file', Buffer.alloc(0), 'a .npy file (first bytes 934e554d5059), got an empty file'],
    ['another magic', Buffer.from('PK\x03\x04 something'), 'a .npy file (first bytes 934e554d5059), got'],
    ['nothing after the magic', whole.subarray(0, 6), '(truncated): expected at least'],
    ['nothing after the version', whole.subarray(0, 8), '(truncated): expected at least 10 bytes, got 8'],
    [
      'half a header',
      whole.subarray(0, 40),
      '(truncated): expected a header up to byte 128, got a file of 40',
    ],
    [
      'half the data',
      whole.subarray(0, 150),
      '(truncated): expected 48 bytes of data for shape (2, 3) of <f8, got 22',
    ],
    ['trailing bytes', Buffer.concat([whole, Buffer.alloc(5)]), '(trailing bytes): expected 48 bytes'],
    [
      'version 9',
      Buffer.concat([whole.subarray(0, 6), Uint8Array.of(9, 0), whole.subarray(8)]),
      'got version 9',
    ],
    ['a header that is no dictionary', withHeader('[1, 2]'), 'a Python dictionary, got "[1, 2]"'],
    ['an unclosed dictionary', withHeader(`{'descr': '<f8', `), 'a Python dictionary, got'],
    ['a missing key', withHeader(`{'descr': '<f8', 'shape': (2, 3)}`), `got descr, shape`],
    [
      'a negative extent',
      withHeader(`{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3)}`),
      'dictionary, got',
    ],
    [
      'a shape that is a number',
      withHeader(`{'descr': '<f8', 'fortran_order': False, 'shape': 6}`),
      'a tuple of integers',
    ],
    [
      'an order that is a number',
      withHeader(`{'descr': '<f8', 'fortran_order': 0, 'shape': (6,)}`),
      'True or False',
    ],
    [
      'a dtype that is a number',
      withHeader(`{'descr': 8, 'fortran_order': False, 'shape': (6,)}`),
      'a string as',
    ],
    [
      'a shape that overflows',
      withHeader(`{'descr': '<f8', 'fortran_order': False, 'shape': (${'9'.repeat(15)}, ${'9'.repeat(15)})}`),
      '(truncated)',
    ],
  ])('%s: its own error, which names the file', async (_, bytes, message) => {
    await expect(readNpy(bytes)).rejects.toThrow(message);
    await expect(readNpy(bytes)).rejects.toThrow(/^data in memory/);
    await expect(readNpy(bytes)).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
  });

  test('no prefix of a good file is read as an array', async () => {
    for (let length = 0; length < whole.length; length++) {
      await expect(readNpy(whole.subarray(0, length))).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    }
  });

  test('bytes flipped anywhere give an array or an ERR_INVALID_FILE, nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (position, change) => {
          const damaged = Buffer.from(whole);
          damaged[position]! ^= change;
          try {
            await readNpy(damaged);
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_INVALID_FILE' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('writing', () => {
  test('what is written is read back bit for bit, float64 and float32', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 4 }),
        fc.boolean(),
        fc.infiniteStream(fc.double()),
        async (shape, single, values) => {
          const length = shape.reduce((product, extent) => product * extent, 1);
          const numbers = Array.from({ length }, () => values.next().value as number);
          const data = single ? Float32Array.from(numbers) : Float64Array.from(numbers);
          const back = await readNpy(encodeNpy({ data, shape }));
          expect(back.shape).toEqual(shape);
          expect(Buffer.from(back.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
        },
      ),
    );
  });

  test('the array read lies on memory of its own', async () => {
    const bytes = fixture('f8');
    const { data } = await readNpy(bytes);
    bytes.fill(0);
    expect(data[0]).toBe(1.5);
  });

  test('a view into a larger buffer is written, not the buffer', async () => {
    const data = new Float64Array([9, 1, 2, 9]).subarray(1, 3);
    expect(Array.from((await readNpy(encodeNpy({ data, shape: [2] }))).data)).toEqual([1, 2]);
  });

  test('data and shape that disagree are an error before anything is written', async () => {
    const path = join(folder, 'wrong.npy');
    await expect(writeNpy(path, { data: new Float64Array(5), shape: [2, 3] })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: 'writeNpy: array.data: expected 6 entries for shape [2, 3], got 5',
    });
    await expect(
      writeNpy(path, { data: ['1', '2'] as unknown as number[], shape: [2] }),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a file replaces the one before it, and nothing else is left in the folder', async () => {
    const path = join(folder, 'array.npy');
    writeFileSync(path, 'what was there');
    await writeNpy(path, { data: Float64Array.of(1, 2), shape: [2] });
    expect((await readNpy(path)).data).toEqual(Float64Array.of(1, 2));
    expect(readdirSync(folder)).toEqual(['array.npy']);
  });

  test('a write that fails leaves nothing behind', async () => {
    const array = { data: Float64Array.of(1), shape: [1] };
    await expect(writeNpy(join(folder, 'missing', 'array.npy'), array)).rejects.toMatchObject({
      code: 'ERR_INVALID_FILE',
      message: `cannot write ${join(folder, 'missing', 'array.npy')}: no such file or folder`,
    });
    await expect(writeNpy(folder, array)).rejects.toMatchObject({ code: 'ERR_INVALID_FILE' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a file that cannot be read is an error that says why', async () => {
    await expect(readNpy(join(folder, 'none.npy'))).rejects.toThrow('no such file or folder');
    await expect(readNpy(folder)).rejects.toThrow('it is a folder');
  });
});

test('a header of 65,535 bytes, the longest of version 1, is read', async () => {
  const text = `${"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }".padEnd(65_534)}\n`;
  const prefix = Buffer.from('\x93NUMPY\x01\x00\xff\xff', 'latin1');
  const bytes = Buffer.concat([prefix, Buffer.from(text), Buffer.from(Float64Array.of(2).buffer)]);
  expect(await readNpy(bytes)).toEqual({ data: Float64Array.of(2), shape: [1] });
});

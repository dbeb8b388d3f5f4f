/** The promise of the readers of files, on valid files, on inputs that once broke it, and on a few hundred changed ones. */
import { gzipSync } from 'node:zlib';

import { fuzz } from './engine';
import { check, FILES, findings, READERS } from './readers';

describe.each(Object.keys(READERS))('%s', (name) => {
  const { read, seeds, words } = READERS[name]!;

  test('at least one valid file is read, so that the fuzzer does not start from what is refused at once', async () => {
    const outcomes = seeds().map(async (input) => {
      await read(input);
      return true;
    });
    const settled = await Promise.allSettled(outcomes);
    expect(settled.some(({ status }) => status === 'fulfilled')).toBe(true);
  });

  test('inputs that fuzzing found are read or refused with a code', async () => {
    for (const input of findings(name)) await check(name, input);
  });

  test('so are changed files', async () => {
    const options = { seeds: seeds(), words, files: FILES, seed: 20261124, milliseconds: 1000, runs: 320 };
    const { runs, corpus } = await fuzz({
      ...options,
      check: (input) => check(name, input),
    });
    expect(runs).toBeGreaterThan(0);
    expect(corpus).toBeGreaterThanOrEqual(seeds().length);
  });
});

test('the check itself finds what it is for', async () => {
  const spy = jest.spyOn(READERS['npy']!, 'read');
  const input = Buffer.alloc(4);
  spy.mockImplementationOnce(() => {
    throw new RangeError('not ours');
  });
  await expect(check('npy', input)).rejects.toThrow('not ours');
  spy.mockImplementationOnce(() => new Float64Array(2 ** 23));
  await expect(check('npy', input)).rejects.toThrow(/allocated \d+ bytes for a file of 4/);
  spy.mockRestore();
});

test('a gzip file that unpacks to more than its header says is refused before it is unpacked', async () => {
  const bomb = gzipSync(Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0, 0, 4]), Buffer.alloc(2 ** 28)]));
  expect(bomb.length).toBeLessThan(300_000);
  await expect(READERS['idx']!.read(bomb)).rejects.toThrow('(trailing bytes): expected 4 bytes of data');
  const before = process.memoryUsage().arrayBuffers;
  await expect(READERS['idx']!.read(bomb)).rejects.toThrow();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
});

test('lists nested a hundred thousand deep exhaust no stack', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const inputs: Record<string, string[]> = {
    'json-net': [deep, `{"format":"deepntk-net","version":1,"spec":{},"layers":${deep}}`],
    checkpoint: [
      `{"format":${deep}}`,
      `{"format":"deepntk-dispersion","version":2,"ranges":${deep}}`,
      `{"format":"deepntk-dispersion","version":2,"ranges":[[0,1]],"settings":{},"sums":${deep}}`,
    ],
    'ntk-sample': [`{"format":"deepntk-ntk-sample","version":1,"ranges":[[0,1]],"settings":${deep}}`],
    journal: [`{"format":${deep}}\n`, `{"format":"deepntk-sweep","version":1,"settings":{}}\n${deep}\n`],
  };
  for (const [name, texts] of Object.entries(inputs)) {
    for (const text of texts) await check(name, Buffer.from(text));
  }
  const header = Buffer.from(`{'descr': ${'('.repeat(60_000)}`);
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0, 0, 0, 0]);
  prefix.writeUInt32LE(header.length, 8);
  await check('npy', Buffer.concat([prefix, header]));
  const text = Buffer.from(`{"a.weight":{"dtype":"F64","shape":${deep},"data_offsets":${deep}}}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await check('safetensors', Buffer.concat([length, text]));
});

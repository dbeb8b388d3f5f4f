/** Inputs of `deepntk kernel` as NumPy wrote them: other byte orders and layouts are read, other contents refused. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { availableBackends, readNpy } from '../../src/index';
import { expectFailure, runInProcess } from './run';

const FIXTURES = join(__dirname, '..', 'data', 'fixtures', 'npy');
/** The same numbers, 2 x 3. */
const ALIKE = ['f8', 'f8_big_endian', 'f8_fortran'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-npy-'));
  for (const name of [...ALIKE, 'complex']) {
    copyFileSync(join(FIXTURES, `${name}.npy`), join(folder, `${name}.npy`));
  }
  const whole = readFileSync(join(FIXTURES, 'f8.npy'));
  writeFileSync(join(folder, 'truncated.npy'), whole.subarray(0, -8));
  writeFileSync(join(folder, 'header.npy'), whole.subarray(0, 40));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(availableBackends())('on the %s backend', (backend) => {
  const kernel = (file: string, ...flags: string[]) =>
    runInProcess(
      [
        'kernel',
        '--x',
        file,
        '--depth',
        '2',
        '--width',
        '6',
        '--threads',
        '1',
        '--backend',
        backend,
        ...flags,
      ],
      { cwd: folder },
    );

  test('big-endian and Fortran-order files give the kernel of the plain one', async () => {
    const kernels = [];
    for (const name of ALIKE) {
      // One of the numbers is 1e300: the kernel is beyond doubles, and as it is.
      expect(await kernel(`${name}.npy`, '--out', 'K.npy', '--force', '--allow-non-finite')).toMatchObject({
        status: 0,
        stderr: `data: ${name}.npy: 2 rows, 3 features\n`,
      });
      kernels.push(await readNpy(join(folder, 'K.npy')));
    }
    expect(kernels[0]!.shape).toEqual([2, 2]);
    expect(kernels[0]!.data[0]).toBeGreaterThan(0);
    for (const other of kernels) expect(other).toEqual(kernels[0]);
  });

  test.each([
    ['truncated.npy', 'truncated.npy (truncated): expected 48 bytes of data for shape (2, 3) of <f8, got 40'],
    ['header.npy', 'header.npy (truncated): expected a header up to byte 128, got a file of 40 bytes'],
    ['complex.npy', 'complex.npy: expected float64, float32, float16, integers or booleans, got complex'],
  ])('%s is refused with its own complaint', async (file, message) => {
    expectFailure(await kernel(file), 1, message);
  });
});

/** The memory that calls of the addon leave behind. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeNative, OPERATIONS } from './support';

const PROGRAM = join(__dirname, 'fixtures', 'many-calls.js');

interface Left {
  readonly blas: number;
  readonly denormal: number;
  readonly rounding: readonly number[];
}

describeNative('every operation of the addon', () => {
  test.each(OPERATIONS)(
    '%s: 10,000 calls leave no memory behind, nor rounding or threads of BLAS changed',
    (name) => {
      const args = ['--expose-gc', PROGRAM, name, '2500'];
      const { bytesPerCall, found, left } = JSON.parse(
        execFileSync(process.execPath, args, { encoding: 'utf8' }),
      ) as {
        bytesPerCall: number;
        found: Left;
        left: Left;
      };
      // The least of three rounds: a leak is in all of them, but the heap grows at its own pace.
      expect(bytesPerCall).toBeLessThan(1000);
      expect(left).toEqual(found);
      expect(found.denormal).toBeGreaterThan(0);
      expect(found.rounding).toEqual([1, 1 + 2 ** -51]);
    },
  );
});

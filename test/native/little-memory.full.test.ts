/** A system that refuses memory: an error, and the process goes on. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { describeNative } from './support';

const PROGRAM = join(__dirname, 'fixtures', 'little-memory.js');
const MIB = 2 ** 20;

describeNative('a limit on the address space', () => {
  const can = process.platform === 'linux' && spawnSync('bash', ['-c', 'ulimit -v 8000000']).status === 0;
  (can ? test : test.skip)('what malloc refuses is ERR_OUT_OF_MEMORY, and the next call works', () => {
    // V8 and WebAssembly reserve address space that they do not use: so the limit stands on what is measured. What is
    // asked for, 2 GB each time, is several times what the limit leaves, and what V8 needs on the way a part of it.
    const kilobytes = Number(execFileSync(process.execPath, [PROGRAM], { encoding: 'utf8' }));
    const limit = kilobytes + (512 * MIB) / 1024;
    const { status, signal, stdout, stderr } = spawnSync(
      'bash',
      ['-c', `ulimit -v ${limit}; exec "$0" "$1" 2000000000`, process.execPath, PROGRAM],
      { encoding: 'utf8' },
    );
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      refused: {
        kernel: ['ERR_OUT_OF_MEMORY', 'the addon could not allocate the memory it needs'],
        jacobian: ['ERR_OUT_OF_MEMORY', expect.stringMatching(/^cannot allocate a result of \d+ numbers/)],
        random: ['ERR_OUT_OF_MEMORY', expect.stringMatching(/^cannot allocate the parameters of the net/)],
      },
      same: true,
    });
  });
});

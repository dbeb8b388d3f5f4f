import { spawnSync } from 'node:child_process';

import { availableBackends, version } from '../../src/index';
import { expectFailure, MAIN, runInProcess, runJsonInProcess } from './run';

describe('the command itself', () => {
  test('without arguments it prints the help', async () => {
    expect(await runInProcess([])).toEqual(await runInProcess(['--help']));
  });

  test('--version is the version of the package, --help lists the commands', async () => {
    expect(await runInProcess(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    const { status, stdout, stderr } = await runInProcess(['--help']);
    expect([status, stderr]).toEqual([0, '']);
    for (const name of [
      'doctor',
      'phase',
      'moments',
      'dispersion',
      'sweep',
      'merge',
      'worker',
      'kernel',
      'eigenvalues',
      'diagonal',
      'train',
      'diagnose',
      'explore',
      'figure',
      'bench',
    ])
      expect(stdout).toContain(`  ${name} `);
  });

  test.each([
    [['kernle'], "unknown command 'kernle'"],
    [['--jsno'], "unknown option '--jsno'"],
    [['phase', '--seed', '1'], "unknown option '--seed'"],
    [['phase', 'extra'], 'too many arguments'],
    [['phase', '--sw2', 'two'], 'Expected a finite number > 0, got "two"'],
    [['phase', '--sw2', '0'], 'Expected a finite number > 0, got 0'],
    [['phase', '--sw2', ''], 'Expected a finite number > 0, got ""'],
    [['phase', '--sw2', 'Infinity'], 'Expected a finite number > 0'],
    [['phase', '--sb2', '-1'], 'Expected a finite number >= 0, got -1'],
    [['phase', '--sw2'], "option '--sw2 <number>' argument missing"],
    [['phase', '--json', '--wrong'], "unknown option '--wrong'"],
    [['doctor', '--backend', 'fortran'], 'Allowed choices are cuda, native, typescript'],
    [['doctor', '--threads', '2'], "unknown option '--threads'"],
  ])('wrong usage %j ends with status 2 and one line', async (args, message) => {
    expectFailure(await runInProcess(args), 2, message);
  });

  test('a reader that closes the pipe early is no error', () => {
    const { stderr } = spawnSync(
      'sh',
      ['-c', `("${process.execPath}" "${MAIN}" kernel --help; echo $? >&2) | true`],
      {
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('0\n');
  });
});

describe('phase', () => {
  test.each([
    ['1', 'ordered', 0.5],
    ['2', 'edge-of-chaos', 1],
    ['2.2', 'chaotic', 1.1],
  ])('sigma_w^2 = %s is %s', async (sw2, phase, slope) => {
    const result = await runJsonInProcess(['phase', '--sw2', sw2, '--sb2', '0']);
    expect(result).toMatchObject({ phase, weightVariance: Number(sw2), biasVariance: 0 });
    expect(result['slope']).toBeCloseTo(slope, 15);
    expect((await runInProcess(['phase', '--sw2', sw2])).stdout).toContain(phase);
  });

  test('an infinite number is a string that Number reads', async () => {
    expect(await runJsonInProcess(['phase'])).toMatchObject({
      gradientDepthScale: 'Infinity',
      varianceMap: { fixedPoint: null },
    });
    expect(await runJsonInProcess(['phase', '--sw2', '3', '--sb2', '0.1'])).toMatchObject({
      varianceMap: { fixedPoint: 'Infinity', growth: 'exponential' },
    });
  });
});

describe('doctor', () => {
  test.each(availableBackends())('reports the %s backend', async (backend) => {
    const report = await runJsonInProcess(['doctor'], { env: { DEEPNTK_BACKEND: backend } });
    expect(report).toMatchObject({
      backend,
      chosenBy: 'DEEPNTK_BACKEND',
      cuda: availableBackends().includes('cuda') ? { device: expect.any(String) as string } : null,
      version,
      node: process.version,
    });
    expect(report['available']).toContain(backend);
    if (backend === 'native') {
      expect(report['blas']).toMatchObject({ library: 'OpenBLAS', core: expect.any(String) as string });
    } else if (backend === 'cuda') {
      expect(report['blas']).toMatchObject({ library: 'cuBLAS', threading: 'device' });
    } else {
      expect(report['blas']).toBeNull();
    }
    expect((await runJsonInProcess(['doctor', '--backend', backend]))['backend']).toBe(backend);
    expect((await runInProcess(['doctor', '--backend', backend])).stdout).toContain(backend);
  });

  test('warns of a pinned core type, which matters to OpenBLAS alone', async () => {
    for (const backend of availableBackends()) {
      const env = { OPENBLAS_CORETYPE: 'Haswell', DEEPNTK_BACKEND: backend };
      const warnings = (await runJsonInProcess(['doctor'], { env }))['warnings'] as string[];
      if (backend === 'native') expect(warnings.join()).toContain('unset OPENBLAS_CORETYPE');
      else expect(warnings).toEqual([]);
    }
  });

  test('a backend that does not exist is an error that says so', async () => {
    expectFailure(
      await runInProcess(['doctor'], { env: { DEEPNTK_BACKEND: 'fortran' } }),
      1,
      'DEEPNTK_BACKEND: expected one of',
    );
  });
});

import { coreTypeWarnings, type Machine } from '../../src/cli/core-type';
import { runJson } from './run';

const blas = (core: string) => ({ library: 'OpenBLAS', version: '0.3.21', core, threading: 'pthread' });
const machine = (architecture: string, features: string): Machine => ({
  architecture,
  features: new Set(features.split(' ')),
});

const AVX2 = machine('x64', 'sse2 avx avx2 fma');
const AVX512 = machine('x64', 'sse2 avx avx2 fma avx512f avx512dq avx512bw avx512vl');
const NEOVERSE = machine('arm64', 'fp asimd asimddp');

describe('what doctor says of the core type', () => {
  test.each([
    ['Haswell', AVX2],
    ['Zen', AVX2],
    ['SkylakeX', AVX512],
    ['Cooperlake', AVX512],
    ['neoversen1', NEOVERSE],
    ['armv8', machine('arm64', 'fp asimd')],
    ['Prescott', { architecture: 'x64', features: null }],
  ])('nothing of %s where it is the best that is known', (core, on) => {
    expect(coreTypeWarnings(blas(core), {}, on)).toEqual([]);
  });

  test.each([
    ['Prescott', AVX2, 'AVX2', 'OPENBLAS_CORETYPE=Haswell'],
    ['Haswell', AVX512, 'AVX-512', 'OPENBLAS_CORETYPE=SkylakeX'],
    ['a core of the future', AVX512, 'AVX-512', 'OPENBLAS_CORETYPE=SkylakeX'],
    ['armv8', NEOVERSE, 'dot products', 'OPENBLAS_CORETYPE=NEOVERSEN1'],
  ])('that %s leaves instructions of the CPU unused, with the remedy', (core, on, set, remedy) => {
    const warnings = coreTypeWarnings(blas(core), {}, on);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`"${core}"`);
    expect(warnings[0]).toContain(`the CPU has ${set}`);
    expect(warnings[0]).toContain(remedy);
  });

  test('a pin in the environment is named, with the remedy, and what it costs where that is known', () => {
    const [good] = coreTypeWarnings(blas('SkylakeX'), { OPENBLAS_CORETYPE: 'SkylakeX' }, AVX512);
    expect(good).toMatch(/unless they are the best .* unset OPENBLAS_CORETYPE$/);
    const [poor] = coreTypeWarnings(blas('Haswell'), { OPENBLAS_CORETYPE: 'Haswell' }, AVX512);
    expect(poor).toMatch(/the CPU has AVX-512, .* unset OPENBLAS_CORETYPE$/);
  });

  test('a size of the cache in the environment is named, with the remedy', () => {
    expect(coreTypeWarnings(blas('SkylakeX'), { OPENBLAS_L2_SIZE: '512' }, AVX512)[0]).toMatch(
      /^OPENBLAS_L2_SIZE=512 .* unset OPENBLAS_L2_SIZE$/,
    );
  });

  test('without OpenBLAS there is nothing to say', () => {
    expect(coreTypeWarnings(null, { OPENBLAS_CORETYPE: 'Haswell' }, AVX512)).toEqual([]);
  });

  test('doctor warns of a pin and shows the core type that it leads to', () => {
    const { warnings, environment, blas } = runJson(['doctor'], {
      env: { OPENBLAS_CORETYPE: 'Prescott', OPENBLAS_L2_SIZE: '256' },
    });
    expect(environment).toMatchObject({ OPENBLAS_CORETYPE: 'Prescott', OPENBLAS_L2_SIZE: '256' });
    // The pins mean something to OpenBLAS alone; the TypeScript backend, where it runs, has no BLAS.
    expect(warnings).toHaveLength((blas as { library: string } | null)?.library === 'OpenBLAS' ? 2 : 0);
  });
});

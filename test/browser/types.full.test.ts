/** The types of `deepntk/browser`, read by the compiler of TypeScript as in a project of a user. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

test('the types need neither those of Node nor a bundler', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deepntk-browser-'));
  writeFileSync(
    join(folder, 'use.mts'),
    `import { createSpec, estimateHistogram, moments } from ${JSON.stringify(join(root, 'dist/browser/index.mjs'))};
     const spec = createSpec({ inputDim: 3, depth: 2, width: 12 });
     const mean: number = moments(spec).mean;
     void estimateHistogram(spec, { seed: mean, replicas: 10 }).then(({ histogram }) => histogram.logEdges.length);
     // @ts-expect-error whole nets are not drawn in a browser
     void estimateHistogram(spec, { seed: 1, replicas: 10, sampler: 'direct' });
     // @ts-expect-error there is one backend
     void estimateHistogram(spec, { seed: 1, replicas: 10, backend: 'native' });`,
  );
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'dom'],
    module: 'node16',
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true, force: true });
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
});

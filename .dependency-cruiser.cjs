'use strict';

/**
 * The structure of src/: docs/architecture.md, "Folders". Imports of types count as imports.
 *
 * `npm run lint` refuses a circle of files and an import of a folder that is not listed for its importer.
 */
const layers = {
  numbers: [],
  random: [],
  linalg: ['numbers'],
  data: ['random', 'linalg', 'numbers'],
  backend: ['random', 'linalg', 'numbers'],
  runs: ['backend', 'data', 'numbers'],
  kernel: ['backend', 'linalg', 'numbers'],
  large: ['kernel', 'backend', 'runs', 'data', 'random', 'linalg', 'numbers'],
  network: ['large', 'kernel', 'backend', 'data', 'random'],
  theory: ['network', 'linalg', 'numbers'],
  sampling: ['network', 'kernel', 'theory', 'backend', 'runs', 'data', 'random', 'linalg', 'numbers'],
  training: ['network', 'kernel', 'theory', 'backend', 'data', 'random', 'linalg', 'numbers'],
  browser: ['sampling', 'theory', 'network', 'kernel', 'backend', 'runs', 'random'],
  explore: ['browser'],
  diagnosis: [
    'training',
    'sampling',
    'network',
    'kernel',
    'theory',
    'backend',
    'data',
    'random',
    'linalg',
    'numbers',
  ],
  queue: ['sampling', 'network', 'large', 'kernel', 'backend', 'runs', 'data', 'numbers'],
  report: [
    'explore',
    'diagnosis',
    'sampling',
    'training',
    'network',
    'large',
    'kernel',
    'theory',
    'data',
    'backend',
  ],
  cli: null, // everything
};

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(layers)
      .filter(([, below]) => below !== null)
      .map(([folder, below]) => ({
        name: `below-${folder}`,
        severity: 'error',
        from: { path: `^src/${folder}/` },
        to: { path: '^src/[^/]+/', pathNot: `^src/(${[folder, ...below].join('|')})/` },
      })),
    {
      name: 'not-the-face',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/index.ts' },
      to: { path: '^src/index.ts' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};

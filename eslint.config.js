'use strict';

const js = require('@eslint/js');
const tseslint = require('typescript-eslint');

/** Which folder of src/ may import which: arrows point down only (docs/architecture.md). */
const layers = {
  numbers: [],
  linalg: ['numbers'],
  random: [],
  theory: ['network', 'linalg', 'numbers'],
  data: ['random', 'linalg', 'numbers'],
  backend: ['random', 'linalg', 'numbers'],
  kernel: ['backend', 'linalg', 'numbers'],
  large: ['kernel', 'backend', 'data', 'random', 'linalg', 'numbers'],
  sampling: ['network', 'kernel', 'theory', 'backend', 'data', 'random', 'linalg', 'numbers'],
  training: ['network', 'kernel', 'theory', 'backend', 'data', 'random', 'linalg', 'numbers'],
  network: ['large', 'kernel', 'backend', 'data', 'random'],
  browser: ['sampling', 'theory', 'network', 'kernel', 'backend', 'random'],
  explore: [],
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
  queue: ['sampling', 'network', 'large', 'kernel', 'backend', 'data', 'numbers'],
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
};

const everyFolder = [...Object.keys(layers), 'cli'];

const layerRules = Object.entries(layers).map(([folder, allowed]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: everyFolder
          .filter((other) => other !== folder && !allowed.includes(other))
          .map((other) => ({
            group: [`**/${other}/**`, `../${other}`, `../../${other}`],
            message: `src/${folder} must not import src/${other} (docs/architecture.md).`,
          })),
      },
    ],
  },
}));

module.exports = tseslint.config(
  {
    ignores: ['dist/', 'build*/', 'node_modules/', 'prebuilds/', 'coverage/', 'demo/'],
  },
  js.configs.recommended,
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: Object.fromEntries(
        [
          'require',
          'module',
          '__dirname',
          '__filename',
          'process',
          'console',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'structuredClone',
          'SharedArrayBuffer',
          'performance',
          'globalThis',
          'Buffer',
          'URL',
          'AbortController',
          '__filename',
          'setInterval',
          'clearInterval',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  { files: ['**/*.mjs'], languageOptions: { sourceType: 'module' } },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: __dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportDefaultDeclaration',
          message: 'Use named exports: a name is easier to find than a default.',
        },
      ],
    },
  },
  ...layerRules,
);

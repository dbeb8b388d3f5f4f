/** Every subcommand computes on every backend. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { testedBackends } from '../support/backends';
import { commandsOf, MAIN_PATHS, writeInputs } from './main-paths';
import { runInProcess } from './run';
import { useSmallBenchCases } from './small-bench';

beforeAll(useSmallBenchCases);

test('every subcommand of --help has a main path here', async () => {
  const names = commandsOf(await runInProcess(['--help']));
  expect(names).toContain('kernel');
  expect(Object.keys(MAIN_PATHS).sort()).toEqual([...names].sort());
});

describe.each(testedBackends())('on the %s backend', (backend) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deepntk-every-'));
    await writeInputs(folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(Object.entries(MAIN_PATHS))('%s', async (_, { args, check }) => {
    const outcome = await runInProcess(args, { cwd: folder, env: { DEEPNTK_BACKEND: backend } });
    await check(outcome, backend, folder);
  });
});

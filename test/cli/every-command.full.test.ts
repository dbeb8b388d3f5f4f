/** Every subcommand, as a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { testedBackends } from '../support/backends';
import { MAIN_PATHS, writeInputs } from './main-paths';
import { run } from './run';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-every-'));
  await writeInputs(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const [backend] = testedBackends();

test.each(Object.entries(MAIN_PATHS))('%s', async (_, { args, check }) => {
  await check(run(args, { cwd: folder, env: { DEEPNTK_BACKEND: backend! } }), backend!, folder);
});

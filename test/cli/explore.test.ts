import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { fromLink, PRESET, toLink } from '../../src/explore/link';
import { EXPLORE_PAGE } from '../../src/report/explore-page';
import { expectFailure, runInProcess, runJsonInProcess } from './run';

const HEADLESS = { DISPLAY: '', WAYLAND_DISPLAY: '' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-explore-test-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('--json gives the path of the page and its address, with the net that the flags describe', async () => {
  expect(await runJsonInProcess(['explore'])).toEqual({
    path: EXPLORE_PAGE,
    url: pathToFileURL(EXPLORE_PAGE).href,
  });
  const flags = ['--input-dim', '784', '--depth', '20', '--width', '300', '--sw2', '2.2', '--sb2', '0.1'];
  const others = ['--input-norm2', '90', '--seed', '3', '--parametrization', 'ntk', '--no-bias-gradients'];
  const { url } = (await runJsonInProcess(['explore', ...flags, ...others])) as { url: string };
  expect(fromLink(new URL(url).hash)).toEqual({
    complaints: [],
    net: {
      inputDim: 784,
      depth: 20,
      width: 300,
      weightVariance: 2.2,
      biasVariance: 0.1,
      inputNorm2: 90,
      seed: 3,
      parametrization: 'ntk',
      biasGradients: false,
    },
  });
  expect(fileURLToPath(url.replace(/#.*/, ''))).toBe(EXPLORE_PAGE);
});

test('without a display it prints the address, and that is all', async () => {
  expect(await runInProcess(['explore', '--depth', '20'], { env: HEADLESS })).toEqual({
    status: 0,
    stdout: `${pathToFileURL(EXPLORE_PAGE).href}#${toLink({ ...PRESET, depth: 20 })}\n`,
    stderr: '',
  });
});

test('BROWSER=none keeps it from opening anything', async () => {
  const env = { DISPLAY: ':0', PATH: join(folder, 'nothing'), BROWSER: 'none' };
  expect(await runInProcess(['explore'], { env })).toEqual({
    status: 0,
    stdout: `${pathToFileURL(EXPLORE_PAGE).href}\n`,
    stderr: '',
  });
});

test.each([
  [['--depth', '0'], '--depth: expected a whole number from 1 to 1000, got 0'],
  [['--width', '30.5'], '--width: expected a whole number from 12 to 2000, got 30.5'],
  [['--sw2', '4'], '--sw2: expected a number from 0.5 to 3.5, got 4'],
  [['--outputs', '3'], "unknown option '--outputs'"],
  [['--sw2', 'two'], 'Expected a finite number'],
])('wrong usage %j', async (args, message) => {
  expectFailure(await runInProcess(['explore', ...args], { env: HEADLESS }), 2, message);
});

test('a copy that cannot be written is an error of one line', async () => {
  expectFailure(
    await runInProcess(['explore', '--out', join(folder, 'no', 'such', 'x.html')]),
    1,
    'cannot write',
  );
});

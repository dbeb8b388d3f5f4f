/** A command that runs in the process of a test leaves nothing behind for the next. */
import { tmpdir } from 'node:os';

import { availableBackends, backendInfo } from '../../src/index';
import { run, runInProcess, runJsonInProcess } from './run';

test.each([
  ['results', ['phase', '--sw2', '1.5']],
  ['help', ['moments', '--help']],
  ['the version', ['--version']],
  ['a complaint about an option of a subcommand', ['moments', '--depht', '3']],
  ['a complaint about the command line', []],
  ['a failure', ['kernel', '--x', 'nowhere.npy', '--depth', '1', '--width', '2']],
])('%s: the same status and output as a process of its own', async (_, args) => {
  expect(await runInProcess(args, { cwd: tmpdir() })).toEqual(run(args, { cwd: tmpdir() }));
});

test('the backend that a command chooses is not that of the next', async () => {
  const usual = backendInfo();
  for (const backend of availableBackends()) {
    expect(await runJsonInProcess(['doctor', '--backend', backend])).toMatchObject({
      backend,
      chosenBy: 'setBackend',
    });
    expect(await runJsonInProcess(['doctor'])).toMatchObject({
      backend: usual.backend,
      chosenBy: usual.chosenBy,
    });
  }
});

test('folder, environment, exit status, listeners and streams are as they were', async () => {
  const state = () => ({
    folder: process.cwd(),
    environment: { ...process.env },
    exitCode: process.exitCode,
    listeners: [process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')],
    terminal: [process.stdout.isTTY, process.stderr.isTTY],
    write: [process.stdout, process.stderr].map((stream): unknown => Reflect.get(stream, 'write')),
  });
  const before = state();
  const env = { DEEPNTK_BACKEND: 'fortran', DEEPNTK_TEST_NAME: 'x' };
  expect((await runInProcess(['doctor'], { cwd: tmpdir(), env })).status).toBe(1);
  // It fails after it has begun to listen to Ctrl-C.
  const failing = ['kernel', '--x', 'nowhere.npy', '--depth', '1', '--width', '2'];
  expect((await runInProcess(failing)).status).toBe(1);
  expect(state()).toEqual(before);
});

test.each([
  ['kernel', '--depth', '1', '--width', '2'],
  ['kernel', '--depth', '1', '--width', '2', '--diagonal'],
  [
    'train',
    '--label-column',
    'y',
    '--depth',
    '1',
    '--width',
    '2',
    '--learning-rate',
    '1',
    '--steps',
    '1',
    '--out',
    'r',
  ],
  ['diagnose', '--depth', '1', '--width', '2'],
  ['phase', '--net', 'nowhere.json'],
])('%s %s %s ... leaves no listener to Ctrl-C when it fails', async (...args) => {
  const before = process.listenerCount('SIGINT');
  const { status, stderr } = await runInProcess([...args, '--x', 'nowhere.csv'], { cwd: tmpdir() });
  expect([status, stderr]).toEqual([1, 'deepntk: cannot read nowhere.csv: no such file or folder\n']);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('two commands at once are refused', async () => {
  const first = runInProcess(['phase']);
  await expect(runInProcess(['phase'])).rejects.toThrow('await one command before the next');
  expect((await first).status).toBe(0);
});

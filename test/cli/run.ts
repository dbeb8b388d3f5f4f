/**
 * Run the compiled command. `run` starts a process, as users do. `runInProcess` runs it in the process of the test, which
 * takes milliseconds.
 *
 * Use `run` for the features of a process: signals, pipes, memory, modules that a hook replaces, variables that are read
 * when the addon loads, and warnings that Node prints once a process. Everything else is the same either way.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { runCommand } from '../../src/cli/program';
import { setBackend } from '../../src/index';

export const MAIN = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function run(args: readonly string[], { cwd, env = {} }: Surroundings = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 280_000,
  });
  return { status, stdout, stderr };
}

/** {@link jsonOf} the result of {@link run}. */
export function runJson(args: readonly string[], surroundings?: Surroundings): Record<string, unknown> {
  return jsonOf(run([...args, '--json'], surroundings));
}

let isRunning = false;

/** Like {@link run}, in the process of the test. The backend chosen with `setBackend` is reset to `'auto'`. */
export async function runInProcess(
  args: readonly string[],
  { cwd, env = {} }: Surroundings = {},
): Promise<Outcome> {
  if (isRunning) throw new Error('runInProcess: await one command before the next: they share one stdout');
  isRunning = true;
  setBackend('auto');
  const printed = { stdout: '', stderr: '' };
  const listeners = signalListeners();
  const restore = [
    capture('stdout', (text) => (printed.stdout += text)),
    capture('stderr', (text) => (printed.stderr += text)),
    captureWarnings((text) => (printed.stderr += text)),
    changeFolder(cwd),
    changeEnvironment(env),
  ];
  try {
    const status = await runCommand(args);
    // A command that fails must remove its listeners as well.
    expect(signalListeners()).toEqual(listeners);
    return { status, ...printed };
  } finally {
    for (const undo of restore) undo();
    setBackend('auto');
    isRunning = false;
  }
}

/** {@link jsonOf} the result of {@link runInProcess}. */
export async function runJsonInProcess(
  args: readonly string[],
  surroundings?: Surroundings,
): Promise<Record<string, unknown>> {
  return jsonOf(await runInProcess([...args, '--json'], surroundings));
}

/** The only JSON object that a command printed. Fails if stdout has anything else, or if stderr is not empty. */
export function jsonOf({ status, stdout, stderr }: Outcome): Record<string, unknown> {
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/**
 * Fails unless the command ended with this status, one line on stderr that contains `message`, and empty stdout. Lines before
 * it that describe the data do not count.
 */
export function expectFailure(
  { status, stdout, stderr }: Outcome,
  expectedStatus: number,
  message: string,
): void {
  const complaint = stderr.replace(/^(data: [^\n]*\n)*/, '');
  expect(complaint).toContain(message);
  expect(complaint).toMatch(/^deepntk: [^\n]*\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(expectedStatus);
}

const signalListeners = (): number[] => ['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal));

type Undo = () => void;

/** Captures the output of a stream. Meanwhile the stream is not a terminal. */
function capture(name: 'stdout' | 'stderr', onText: (text: string) => void): Undo {
  const stream = process[name];
  const write = jest.spyOn(stream, 'write').mockImplementation((chunk) => {
    onText(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    return true;
  });
  const { isTTY } = stream;
  stream.isTTY = false;
  return () => {
    stream.isTTY = isTTY;
    write.mockRestore();
  };
}

/** Node prints warnings directly to stderr, not through `process.stderr`. */
function captureWarnings(onText: (text: string) => void): Undo {
  const emit = jest.spyOn(process, 'emitWarning').mockImplementation((warning) => {
    onText(`(node) Warning: ${String(warning)}\n`);
  });
  return () => {
    emit.mockRestore();
  };
}

function changeFolder(folder: string | undefined): Undo {
  const before = process.cwd();
  if (folder !== undefined) process.chdir(folder);
  return () => {
    process.chdir(before);
  };
}

function changeEnvironment(changes: Readonly<Record<string, string>>): Undo {
  const before = Object.keys(changes).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, changes);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}

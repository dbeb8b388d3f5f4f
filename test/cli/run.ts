/** Runs the compiled command as users do: in a process of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

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
    timeout: 120_000,
  });
  return { status, stdout, stderr };
}

/** The one JSON object that a command printed; fails where stdout holds anything else, or stderr anything at all. */
export function runJson(args: readonly string[], surroundings?: Surroundings): Record<string, unknown> {
  const { status, stdout, stderr } = run([...args, '--json'], surroundings);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/**
 * Fails unless the command ended with this status, one line on stderr that has `message` in it, and empty stdout. Lines before
 * it that say what data were read do not count.
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

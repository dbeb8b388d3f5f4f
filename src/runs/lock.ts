/**
 * One writer for each file: `PATH.lock` names the process that writes PATH, and is removed when the process has finished. The lock
 * of a process that was killed is taken over. On the same machine this happens at once, because the process id and the time of
 * its start tell whether it lives. From another machine (a shared folder) only signs of life are visible: the holder writes
 * the lock again every few seconds.
 *
 * Packages for this (proper-lockfile) know signs of life only, so a run that was killed could not continue at once, and they do
 * not say who holds the file.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { DeepntkError } from '../errors';
import { reasonOf } from '../data/files';

const SIGN_EVERY_MS = 5000;
/** A holder on another machine counts as gone after this time without a sign. */
const GONE_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** The locks of this thread. They need no sign of life. */
const heldHere = new Set<string>();

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** The boot of the machine and the namespace of its processes, in which the process id is unique. */
  readonly place: string;
  /** The start of its process in ticks of the system; '' if the system does not tell. */
  readonly started: string;
  /** Distinguishes holders in one process. */
  readonly id: string;
}

export interface Lock {
  /** Releases the lock. A second call does nothing. */
  readonly release: () => Promise<void>;
}

function ownHolder(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    place: placeOfProcesses(),
    started: startOf(process.pid),
    id: randomUUID(),
  };
}

/** Reads a holder from its JSON; null if it is not one. */
function readHolder(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    const whole =
      Number.isSafeInteger(holder?.pid) &&
      (['host', 'place', 'started', 'id'] as const).every((name) => typeof holder?.[name] === 'string');
    return whole ? (holder as Holder) : null;
  } catch {
    return null;
  }
}

/** Whether a holder's process lives; null if it is on another machine, or is this one. */
function isAlive({ pid, place, started }: Holder): boolean | null {
  if (place !== placeOfProcesses() || pid === process.pid) return null;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return started === '' || now === '' || now === started;
}

function describeHolder({ pid, host }: Holder): string {
  return pid === process.pid && host === hostname() ? 'this process' : `process ${pid} on ${host}`;
}

/**
 * Takes the lock of a file. All names of a file, by links and folders, share a lock. If the holder is on another machine, the call
 * waits for a sign of life, until `signal` aborts, and a warning of the process says so.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` if another process holds the lock, or it cannot be written
 */
export async function lockFile(path: string, signal?: AbortSignal): Promise<Lock> {
  try {
    return await takeLock(path, `${await realPathOf(path)}.lock`, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DeepntkError) throw cause;
    throw new DeepntkError('ERR_INVALID_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

async function realPathOf(path: string): Promise<string> {
  const real = await realpath(path).catch(nullWhereGone);
  return real ?? join(await realpath(dirname(path)), basename(path));
}

async function takeLock(path: string, lock: string, signal: AbortSignal | undefined): Promise<Lock> {
  const self = ownHolder();
  const own = JSON.stringify(self);
  for (;;) {
    signal?.throwIfAborted();
    if (await createWhole(lock, own)) return held(lock, self, own);
    const found = await contentOf(lock).catch((cause: unknown) => {
      const message = `cannot write ${path}: cannot read ${lock}: ${reasonOf(cause)}`;
      throw new DeepntkError('ERR_INVALID_FILE', message, { cause });
    });
    if (found === null) continue; // released meanwhile
    const holder = readHolder(found);
    if (!(await isLeft(lock, holder, { signal }))) {
      if ((await contentOf(lock)) !== found) continue; // taken by another, or released
      const who = holder === null ? 'another process' : describeHolder(holder);
      throw new DeepntkError(
        'ERR_INVALID_FILE',
        `cannot write ${path}: ${who} is writing it; wait for it, or remove ${lock} if that is not so`,
      );
    }
    await removeLeft(lock, found, own, signal);
  }
}

/** The text of a lock; null where it is gone. */
async function contentOf(lock: string): Promise<string | null> {
  return readFile(lock, 'utf8').catch(nullWhereGone);
}

function nullWhereGone(cause: unknown): null {
  if (GONE.has((cause as NodeJS.ErrnoException).code ?? '')) return null;
  throw cause;
}

/** The second is what NFS says of a file that was removed after it was opened. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESTALE']);

/** Creates a file with its content, at once, unless it is there. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, content, { flag: 'wx' });
    try {
      await link(draft, path);
    } catch (cause) {
      if (!NO_LINKS.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
      // Without hard links it is there before its content: who reads it in between takes it for somebody's.
      await writeFile(path, content, { flag: 'wx' });
    }
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  } finally {
    await rm(draft, { force: true });
  }
}

/** What file systems without hard links say. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * Whether whoever held the lock is gone. Where only signs of life can tell, `wait` waits for one, or until it has been long
 * enough: a job that a batch system starts again elsewhere comes sooner than that. Without `wait` it is taken to live.
 */
async function isLeft(
  lock: string,
  holder: Holder | null,
  wait: { readonly signal: AbortSignal | undefined } | null,
): Promise<boolean> {
  const alive = holder === null ? null : isAlive(holder);
  if (alive !== null) return !alive;
  if (holder !== null && heldHere.has(holder.id)) return false;
  const first = await stat(lock).catch(nullWhereGone);
  let warned = false;
  for (;;) {
    const latest = await stat(lock).catch(nullWhereGone);
    if (first === null || latest === null) return false; // released meanwhile
    if (latest.mtimeMs !== first.mtimeMs) return false;
    if ((await timeAt(lock)) - first.mtimeMs > GONE_AFTER_MS) return true;
    if (wait === null) return false;
    if (!warned) {
      const who = holder === null ? 'an unknown process' : describeHolder(holder);
      const seconds = GONE_AFTER_MS / 1000;
      process.emitWarning(`waiting up to ${seconds} s for a sign of life of ${who}, which holds ${lock}`);
      warned = true;
    }
    await sleep(LOOK_EVERY_MS, undefined, wait);
  }
}

/** Now, by the clock of the file system: those of machines differ. */
async function timeAt(path: string): Promise<number> {
  const probe = `${path}.${randomUUID()}`;
  try {
    await writeFile(probe, '');
    return (await stat(probe)).mtimeMs;
  } finally {
    await rm(probe, { force: true });
  }
}

/**
 * Removes a lock that was left with the content `found`. Of several that find it one may remove it, the one that creates
 * the claim; and only while it is still the same, for by then another may have taken it over.
 */
async function removeLeft(
  lock: string,
  found: string,
  own: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const claim = `${lock}.claim`;
  if (!(await createWhole(claim, own))) {
    const claimant = readHolder(await readFile(claim, 'utf8').catch(() => ''));
    if (await isLeft(claim, claimant, null)) await rm(claim, { force: true });
    await sleep(10, undefined, { signal });
    return;
  }
  try {
    if ((await contentOf(lock)) === found) await rm(lock, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

function held(lock: string, { id }: Holder, own: string): Lock {
  heldHere.add(id);
  const sign = setInterval(() => {
    giveSign(lock, own).catch(() => undefined); // a folder that is away for a while
  }, SIGN_EVERY_MS);
  sign.unref();
  return {
    async release() {
      clearInterval(sign);
      heldHere.delete(id);
      if ((await readFile(lock, 'utf8').catch(() => null)) === own) await rm(lock, { force: true });
    },
  };
}

/** Writes the lock once more, which renews its time. */
async function giveSign(lock: string, own: string): Promise<void> {
  const file = await open(lock, 'r+');
  try {
    if ((await file.readFile('utf8')) === own) await file.write(own, 0);
  } finally {
    await file.close();
  }
}

let knownPlace: string | undefined;

function placeOfProcesses(): string {
  knownPlace ??= [
    hostname(),
    orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
  return knownPlace;
}

/** When a process started: field 22 of /proc/PID/stat, the 20th behind the name, which may hold spaces. */
function startOf(pid: number): string {
  return orEmpty(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

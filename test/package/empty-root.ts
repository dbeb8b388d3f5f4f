/** A root folder for chroot with node, the libraries that node itself needs, and one project. Linux only. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Fills `folder`; the project becomes its /app. */
export function buildEmptyRoot(folder: string, project: string): string {
  for (const part of ['bin', 'tmp', 'app']) mkdirSync(join(folder, part), { recursive: true });
  copyFileSync(process.execPath, join(folder, 'bin', 'node'));
  for (const library of librariesOf(process.execPath)) {
    mkdirSync(join(folder, dirname(library)), { recursive: true });
    copyFileSync(realpathSync(library), join(folder, library));
  }
  cpSync(project, join(folder, 'app'), { recursive: true });
  return folder;
}

/** Runs a file of /app, the project, where the folder is all that the process can see. */
export function runInRoot(folder: string, [file, ...args]: readonly string[]): string {
  const chroot = ['chroot', folder, '/bin/node', `/app/${file!}`, ...args];
  // Only root may chroot, except in a user namespace of one's own.
  const command = process.getuid!() === 0 ? chroot : ['unshare', '--map-root-user', ...chroot];
  return execFileSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
}

/** What the dynamic linker loads with a program, and the linker itself. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

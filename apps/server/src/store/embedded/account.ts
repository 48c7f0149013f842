import { spawn, type SpawnOptions } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { StartError } from '../../kit/errors.js';

/** The operating system's user that the server runs as. */
export interface Account {
  /** Set when we are root: PostgreSQL refuses to run as root, so it runs as this user and its files belong to it. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
  /** True when it needs a capability to get through folders closed to it (a home of mode 0700). */
  readonly throughClosedFolders: boolean;
}

/** What a command said and how it ended. */
export interface Outcome {
  /** Exit code; undefined when a signal ended it or it could not be run. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command, arguments and options with which `spawn` runs a program as that account. */
export function spawnArguments(account: Account, program: string, args: readonly string[]): [string, string[], SpawnOptions] {
  const { ids } = account;
  // English messages, since they are read for what failed; no PG… settings of the person at the terminal.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  const env = { ...Object.fromEntries(inherited), LC_ALL: 'C' };
  // A working folder that every account can enter; a child that starts in one that it cannot complains.
  const options: SpawnOptions = { env, windowsHide: true, ...(process.platform === 'win32' ? {} : { cwd: '/' }) };
  if (ids === undefined) return [program, [...args], options];
  if (!account.throughClosedFolders) return [program, [...args], { ...options, ...ids }];
  const capability = '+dac_read_search';
  const drop = [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups', `--inh-caps=${capability}`, `--ambient-caps=${capability}`];
  // Without the bit access(2) looks at the account alone, and PostgreSQL "could not locate my own executable path".
  return ['setpriv', [...drop, '--securebits=+no_setuid_fixup', '--', program, ...args], options];
}

/** Runs a program as the account to its end. Never throws: what could not be run has no code and says why on stderr. */
export function runAs(account: Account, program: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const [command, list, options] = spawnArguments(account, program, args);
    const child = spawn(command, list, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', (error) => resolve({ code: undefined, stdout, stderr: `${stderr}${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? undefined, stdout, stderr }));
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** True when the account can enter the folder. Asked of the system itself, which also knows about access lists and the like. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account.ids === undefined) return true;
  const outcome = await runAs(account, '/bin/sh', ['-c', 'test -x "$1" && cd "$1"', 'sh', folder]);
  return outcome.code === 0;
}

/** The account for files that may exist already: their owner's when we are root, else nobody's; ourselves when we are not root. */
export async function chooseIds(cluster: string): Promise<Account['ids']> {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const ids = await nobody();
  const outcome = await runAs({ ids, throughClosedFolders: false }, '/bin/sh', ['-c', 'true']);
  if (outcome.code === 0) return ids;
  throw new StartError(
    `PostgreSQL does not run as root and this root cannot start it as another user (${outcome.stderr.trim()}): run Marquee as an ordinary user, or set DATABASE_URL`,
  );
}

async function nobody(): Promise<{ uid: number; gid: number }> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) };
}

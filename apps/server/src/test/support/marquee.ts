import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The command as npm links it. */
const MARQUEE = fileURLToPath(new URL('../../../bin/marquee.mjs', import.meta.url));

/** What a command printed and ended with. */
export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `marquee …` in a folder without .env, with nothing in its environment but this. */
export async function marquee(args: readonly string[], environment: Record<string, string> = {}, input?: string): Promise<Ran> {
  const child = spawn(process.execPath, [MARQUEE, ...args], {
    cwd: tmpdir(),
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  const ran: Ran = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (ran.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (ran.stderr += chunk.toString()));
  child.stdin.end(input);
  [ran.code] = (await once(child, 'close')) as [number | null];
  return ran;
}

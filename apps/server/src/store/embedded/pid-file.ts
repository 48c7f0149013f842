import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from './layout.js';
import { commandLine, identify, pidExists, type ProcessIdentity } from '../../kit/processes/process-identity.js';
import { readRunFile } from './run-file.js';

/** The running server. */
export interface Postmaster {
  readonly identity: ProcessIdentity;
  readonly port: number;
}

/** PostgreSQL's own note on its first process, postmaster.pid, by lines: pid, folder, start, port, socket, address, memory, status. */
interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

const path = (layout: Layout): string => join(layout.cluster, 'postmaster.pid');

async function readPidFile(layout: Layout): Promise<PidFile | undefined> {
  const text = await readFile(path(layout), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!Number.isInteger(pid)) return undefined;
  return { pid, port: Number.parseInt(lines[3] ?? '', 10), status: (lines[7] ?? '').trim() };
}

/** The server that runs on this cluster, ready or not; undefined when there is none, whatever a dead one or a namesake left behind. */
export async function findPostmaster(layout: Layout): Promise<Postmaster | undefined> {
  const noted = await readPidFile(layout);
  const identity = noted === undefined ? undefined : await identify(noted.pid);
  if (noted === undefined || identity === undefined) return undefined;
  const run = await readRunFile(layout);
  const known = run?.postmaster.pid === identity.pid && run.postmaster.started === identity.started;
  if (!known && !(await servesCluster(identity.pid, layout))) return undefined;
  return { identity, port: known ? run.port : noted.port };
}

/** What PostgreSQL says of the server's state: `starting`, `ready`, `stopping`; empty when it is not this server that the note is about. */
export async function statusOf(layout: Layout, identity: ProcessIdentity): Promise<string> {
  const noted = await readPidFile(layout);
  return noted?.pid === identity.pid ? noted.status : '';
}

/**
 * Keeps a left-over note from stopping a start. PostgreSQL overwrites the note of a dead process by itself, but takes any
 * process that has its pid now, or its zombie, for a running server. The note is not removed: its line on shared memory
 * is how the new server finds out about backends of the old one that still live. Its own parent's pid it lets pass.
 */
export async function disarmPidFile(layout: Layout): Promise<void> {
  const noted = await readPidFile(layout);
  if (noted === undefined || !pidExists(noted.pid)) return;
  const text = await readFile(path(layout), 'utf8');
  await writeFile(path(layout), text.replace(/^\d+/, String(process.pid)), { flag: 'r+' });
}

async function servesCluster(pid: number, layout: Layout): Promise<boolean> {
  if (process.platform === 'win32') return true;
  const command = (await commandLine(pid)) ?? '';
  const folders = [layout.cluster, await realpath(layout.cluster).catch(() => layout.cluster)];
  return folders.some((folder) => command.includes(`-D ${folder} `));
}

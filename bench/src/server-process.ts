import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEmbeddedUrl } from '@marquee/server/store/embedded-postgres';
import { databaseCpu } from './database-cpu.js';
import { endProcess, freePorts, killProcess, until } from './processes.js';
import type { Scratch } from './scratch.js';
import { rounded } from './statistics.js';

const MAIN = fileURLToPath(new URL('../../apps/server/dist/main.js', import.meta.url));
const READY_MS = 60_000;
const STATEMENTS_SAID = 8;

export interface Usage {
  /** Longest that its event loop was held up, ms; 10 ms at least, the step of the sampler. On a busy machine other programs count too. */
  eventLoopMaxMs: number;
  /** Processor time of its process, ms, without its PostgreSQL. */
  serverCpuMs: number;
  /** Processor time of its PostgreSQL, ms; NaN where it cannot be read. */
  databaseCpuMs: number;
  /** What its process holds of the memory now. */
  memoryMb: number;
}

export interface ServerProcess {
  /** Where its HTTP is, without a slash at the end. */
  api: string;
  /** Where screens connect: its own broker, or the outside one it was given. */
  broker: string;
  databaseUrl: string;
  /** What it cost since the last call of this. */
  usage: () => Promise<Usage>;
  /** Asks it to end, and waits until it has. */
  stop: () => Promise<void>;
  /** As a power cut ends it: nothing is said to anybody. Its PostgreSQL lives on alone. */
  kill: () => Promise<void>;
  child: ChildProcess;
  /** The process of its embedded PostgreSQL. */
  postmasterPid: () => Promise<number>;
  /** For `startServer`, to be the same server again after it ended. */
  place: ServerPlace;
}

/** What of a server outlives its process. */
export interface ServerPlace {
  dataDir: string;
  http: number;
  mqtt: number;
  ws: number;
}

/** A folder and ports that are nobody's yet. */
export async function serverPlace(scratch: Scratch): Promise<ServerPlace> {
  const [http = 0, mqtt = 0, ws = 0] = await freePorts(3);
  const dataDir = join(scratch.folder, `data-${http}`);
  await mkdir(dataDir);
  return { dataDir, http, mqtt, ws };
}

/** Starts the real server with everything of its own: folder, database, ports. `CPU_PROFILE=folder` writes a profile there as it ends. */
export async function startServer(scratch: Scratch, environment: Record<string, string> = {}, place?: ServerPlace): Promise<ServerProcess> {
  const taken = place ?? (await serverPlace(scratch));
  const { dataDir, http, mqtt, ws } = taken;
  const logFile = join(scratch.folder, `server-${http}.log`);
  const profile = process.env['CPU_PROFILE'];
  const child = spawn(process.execPath, [...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), MAIN], {
    cwd: scratch.folder,
    env: {
      ...inherited(),
      PORT: String(http),
      MQTT_PORT: String(mqtt),
      MQTT_WS_PORT: String(ws),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  scratch.defer(() => endProcess(child));
  const api = `http://127.0.0.1:${http}`;
  await ready(child, api, logFile);
  const databaseUrl = environment['DATABASE_URL'] ?? (await readEmbeddedUrl(dataDir));
  if (databaseUrl === undefined) throw new Error('the server is ready, but its database cannot be found');
  scratch.defer(() => (child.exitCode === null && child.signalCode === null ? sayStatements(api) : undefined));
  const usage = await usageOf(api, databaseUrl);
  await usage();
  return {
    api,
    broker: environment['MQTT_URL'] ?? `mqtt://127.0.0.1:${mqtt}`,
    databaseUrl,
    usage,
    stop: () => endProcess(child),
    kill: () => killProcess(child),
    child,
    postmasterPid: () => postmasterPid(dataDir),
    place: taken,
  };
}

async function postmasterPid(dataDir: string): Promise<number> {
  const run = JSON.parse(await readFile(join(dataDir, 'postgres', 'run.json'), 'utf8')) as { postmaster: { pid: number } };
  return run.postmaster.pid;
}

/** Starts another process that does the worker’s part alone, in the same folder, where it finds database and broker; resolves when it is ready. */
export async function startWorker(
  scratch: Scratch,
  server: ServerProcess,
  environment: Record<string, string> = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAIN], {
    cwd: scratch.folder,
    env: {
      ...inherited(),
      ROLES: 'worker',
      DATA_DIR: server.place.dataDir,
      ...environment,
      // By which it says that it is ready.
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scratch.defer(() => endProcess(child));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      if (text.includes('"msg":"ready"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
  });
  return child;
}

/** The environment without what would make this server another one than its defaults. */
function inherited(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH'];
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => kept.includes(key)));
}

async function ready(child: ChildProcess, api: string, logFile: string): Promise<void> {
  const probe = async (): Promise<boolean> => {
    const reply = await fetch(`${api}/readyz`).catch(() => undefined);
    await reply?.body?.cancel();
    return reply?.ok === true;
  };
  const failed = (): string | undefined => (child.exitCode === null ? undefined : `it ended with ${child.exitCode}`);
  try {
    await until('the server', READY_MS, probe, failed);
  } catch (error) {
    const said = await readFile(logFile, 'utf8').catch(() => '');
    throw new Error(`${String(error)}\n${said.slice(-2000)}`, { cause: error });
  }
}

async function usageOf(api: string, databaseUrl: string): Promise<() => Promise<Usage>> {
  const database = await databaseCpu(databaseUrl);
  const before = { server: 0, database: 0 };
  return async () => {
    // One reading for both: the sampler of the event loop begins anew with each.
    const text = await (await fetch(`${api}/metrics`)).text();
    const now = { server: metric(text, 'process_cpu_seconds_total') * 1000, database: await database() };
    const usage = {
      eventLoopMaxMs: rounded(metric(text, 'nodejs_eventloop_lag_max_seconds') * 1000),
      serverCpuMs: rounded(now.server - before.server),
      databaseCpuMs: rounded(now.database - before.database),
      memoryMb: rounded(metric(text, 'process_resident_memory_bytes') / 1024 / 1024),
    };
    Object.assign(before, now);
    return usage;
  };
}

/** The statements that took longest in all, for whoever asks where the time goes. */
async function sayStatements(api: string): Promise<void> {
  const text = await (await fetch(`${api}/metrics`)).text();
  const rows = [...text.matchAll(/^marquee_statement_seconds_(sum|count)\{statement="([^"]+)"[^}]*\} (\S+)$/gm)];
  const totals = new Map<string, { sum: number; count: number }>();
  for (const [, what, name = '', value] of rows) {
    const total = totals.get(name) ?? { sum: 0, count: 0 };
    total[what === 'sum' ? 'sum' : 'count'] += Number(value);
    totals.set(name, total);
  }
  const longest = [...totals].sort(([, a], [, b]) => b.sum - a.sum).slice(0, STATEMENTS_SAID);
  for (const [name, { sum, count }] of longest) {
    process.stderr.write(`  ${name}: ${rounded(sum)} s in ${count} calls, ${rounded((sum * 1000) / count)} ms each\n`);
  }
}

function metric(text: string, name: string): number {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics does not tell ${name}`);
  return Number(value);
}

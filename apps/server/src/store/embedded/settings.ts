import { freeBytes } from '../../kit/files.js';

const MB = 1024 * 1024;

/**
 * The server's settings, for two cores, a few GB of memory and the loads that Marquee is measured at: batches of 500 rows,
 * bursts of 20,000 to a million deliveries, a few dozen connections a process.
 */
export async function serverSettings(
  cluster: string,
  major: number,
  extra: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const maxWal = await maxWalSize(cluster);
  return {
    // Nobody but this machine, and nobody without the password.
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    // What was answered is on the disk. The rows are the truth, so none of these is ever traded for speed.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // Several processes on one folder, each with a pool, its listeners and the fence's lock holders.
    max_connections: '200',
    // Holds the hot part of a million deliveries with their indexes; the system's cache holds the rest.
    shared_buffers: '256MB',
    effective_cache_size: '1GB',
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    // A burst should fit between two checkpoints, or each page is written to the log whole again. Less on a small disk.
    max_wal_size: `${maxWal}MB`,
    min_wal_size: `${Math.min(256, maxWal)}MB`,
    checkpoint_timeout: '10min',
    // The packaged build has pglz alone: right after a checkpoint it saved 40 % of the log and cost half the updates,
    // 19k rows/s against 41k (two cores, batches of 500).
    wal_compression: 'off',
    // Once a minute, then without sleeping through the work. Looked at every 10 s, a fan-out to 20,000 screens shared its two cores
    // with a vacuum of its own rows: 3.2 s of the server's processor time in place of 2.5.
    autovacuum_naptime: '60s',
    autovacuum_max_workers: '2',
    autovacuum_vacuum_cost_limit: '2000',
    // Short statements: compiling costs more than it saves, and a second worker would take the core from a neighbour.
    // Without parallel workers /dev/shm, 64 MB in a container, is never filled either.
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    random_page_cost: '1.1',
    // A statement that waits for a lock ends, and its transaction with it, soon after its process was killed.
    ...(['linux', 'darwin'].includes(process.platform) ? { client_connection_check_interval: '2s' } : {}),
    // Starts, crashes and recoveries are worth a line; a failed statement is told to whoever ran it.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] ',
    log_timezone: 'UTC',
    timezone: 'UTC',
    datestyle: 'iso, mdy',
    lc_messages: 'C',
    default_text_search_config: 'pg_catalog.english',
    // Reading ahead has a worker process of its own since 18; one is enough for what is not in memory.
    ...(major >= 18 ? { io_workers: '1' } : {}),
    ...extra,
  };
}

/** A person's own settings, beside postgresql.conf. They win, and are never written by us. */
export const LOCAL_CONF = 'local.conf';

/** The text of postgresql.conf. */
export function configurationText(settings: Readonly<Record<string, string>>, withLocal: boolean): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  const local = withLocal ? [`include '${LOCAL_CONF}'`] : [];
  return [`# Written at each start. Put your own settings into ${LOCAL_CONF} beside it and start again.`, ...lines, ...local, ''].join(
    '\n',
  );
}

/** Who may connect: the application's role, from this machine, with the password. The superuser cannot log in at all. */
export const ACCESS_TEXT = '# Written at each start.\nhost all marquee 127.0.0.1/32 scram-sha-256\n';

/** MB: 2 GB, or about a quarter of what is free on a smaller disk, in steps so that the file seldom changes. */
async function maxWalSize(cluster: string): Promise<number> {
  const free = (await freeBytes(cluster)) ?? Number.POSITIVE_INFINITY;
  const quarter = free / MB / 4;
  return [2048, 1024, 512, 256, 128].find((size) => size <= quarter) ?? 64;
}

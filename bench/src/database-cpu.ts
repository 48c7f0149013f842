import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

interface Times {
  parent: number;
  own: number;
  /** Of children that have ended. */
  ended: number;
}

/** Answers a meter of the processor time, ms, that a PostgreSQL on this machine took in all its processes; NaN where it cannot be read. */
export async function databaseCpu(connectionString: string): Promise<() => Promise<number>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const backend = await timesOf(rows[0]?.pid ?? 0);
  await client.end();
  if (backend === undefined) return () => Promise.resolve(Number.NaN);
  return async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const all = await Promise.all(pids.map(timesOf));
    const postmaster = await timesOf(backend.parent);
    const children = all.filter((times) => times?.parent === backend.parent);
    const ticks = children.reduce((sum, times) => sum + (times?.own ?? 0), (postmaster?.own ?? 0) + (postmaster?.ended ?? 0));
    return (ticks * 1000) / TICKS_A_SECOND;
  };
}

/** proc(5): the fields after the command's closing bracket; undefined when there is no such process or no /proc. */
async function timesOf(pid: number): Promise<Times | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 15) return undefined;
  const [parent = 0, utime = 0, stime = 0, cutime = 0, cstime = 0] = [1, 11, 12, 13, 14].map((index) => Number(fields[index]));
  return { parent, own: utime + stime, ended: cutime + cstime };
}

import { nullable, statement, t } from './statement.js';

/** First key of the lock that a process holds while it lives; the second is its number. */
export const PROCESS_LOCK = 7302;

const HELD = `
  select objid::bigint as id from pg_locks
  where locktype = 'advisory' and classid = ${PROCESS_LOCK} and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())`;

/**
 * Notes whose lock is missed since when, forgets those that were missed for $graceMs, and ends the leases of their claims, so that the rescuer
 * returns them at once. Within a while after the database started nobody is missed: it dropped all locks, and the living take theirs anew. A
 * process that was cut off for longer and lives loses claims by it, never a delivery. Answers how many were forgotten.
 */
export const forgetDeadProcesses = statement({
  name: 'processes_forget_dead',
  takes: { graceMs: t.int, afterStartMs: t.int },
  gives: { forgotten: t.bigint },
  text: `
    with held as materialized (${HELD}),
    calm as materialized (select pg_postmaster_start_time() < now() - $afterStartMs * interval '1 ms' as is_so),
    back as (
      update processes p set missing_since = null where missing_since is not null and exists (select from held where held.id = p.id)),
    missed as (
      update processes p set missing_since = now() from calm
      where calm.is_so and missing_since is null and not exists (select from held where held.id = p.id)),
    dead as (
      delete from processes p using calm
      where calm.is_so and missing_since < now() - $graceMs * interval '1 ms' and not exists (select from held where held.id = p.id)
      returning p.id),
    ended as (
      update claims k set lease_until = now() - interval '1 ms' from dead where k.process_id = dead.id and k.lease_until > now())
    select count(*) as forgotten from dead`,
});

/** Where screens reach the API of the process that has been there longest; no row when none has one. */
export const oldestApi = statement({
  name: 'processes_oldest_api',
  takes: {},
  gives: { api_base_url: t.text },
  text: `
    select api_base_url from processes where api_base_url is not null and missing_since is null order by id limit 1`,
});

/** Enters a process, or says again that it is there after its session broke; answers its number. */
export const enterProcess = statement({
  name: 'processes_enter',
  takes: { id: nullable(t.int), roles: t.texts, apiBaseUrl: nullable(t.text) },
  gives: { id: t.int },
  text: `
    insert into processes (id, roles, api_base_url) overriding system value
    values (coalesce($id, nextval(pg_get_serial_sequence('processes', 'id'))), $roles, $apiBaseUrl)
    on conflict (id) do update set missing_since = null
    returning id`,
});

/** Forgets a process that ends in good order, or, without a number, all: whoever asks knows that it is alone. */
export const leaveProcess = statement({
  name: 'processes_leave',
  takes: { id: nullable(t.int) },
  gives: {},
  text: 'delete from processes where $id is null or id = $id',
});

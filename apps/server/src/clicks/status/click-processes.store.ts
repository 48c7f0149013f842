import { statement, t } from '../../store/statement.js';

/** Enters a process that accepts or counts clicks; answers its number, which no other one ever gets. */
export const enterClickProcess = statement({
  name: 'click_processes_enter',
  takes: { name: t.text },
  gives: { id: t.int, started_at: t.bigint },
  text: `
    insert into click_processes (name, started_at, said, said_at)
    values ($name, epoch_ms(clock_timestamp()), '{}', epoch_ms(clock_timestamp()))
    returning id, started_at`,
});

/**
 * Keeps what a process says of itself. One that has ended says nothing any more. It waits for no disk: what a database that dies forgets of
 * it is said again some times a second, and the disk is the one that clicks wait for.
 */
export const sayClickProcess = statement({
  name: 'click_processes_say',
  takes: { id: t.int, said: t.jsonText },
  gives: {},
  text: `
    update click_processes set said = $said, said_at = epoch_ms(clock_timestamp())
    where id = $id and ended_at is null and set_config('synchronous_commit', 'off', true) is not null`,
});

/** Says that a process has ended with nothing left in memory, so that the ledger does not look for what it lost. */
export const endClickProcess = statement({
  name: 'click_processes_end',
  takes: { id: t.int },
  gives: {},
  text: 'update click_processes set ended_at = epoch_ms(clock_timestamp()) where id = $id and ended_at is null',
});

/** What the processes that live say of themselves, and when, by the database's clock: all that spoke within $silentMs. */
export const livingClickProcesses = statement({
  name: 'click_processes_living',
  takes: { silentMs: t.int },
  gives: { id: t.int, name: t.text, started_at: t.bigint, said: t.json, said_at: t.bigint },
  text: `
    select id, name, started_at, said, said_at from click_processes
    where ended_at is null and said_at >= epoch_ms(clock_timestamp()) - $silentMs and said <> '{}'
    order by id`,
});

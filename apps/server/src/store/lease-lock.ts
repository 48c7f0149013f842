import type { Runner } from './database.js';
import { statement, t } from './statement.js';

/** Takes a lock that is free or held by the same holder, with the next token; no row while somebody else holds it. */
const takeLock = statement({
  name: 'locks_take',
  takes: { name: t.text, holder: t.text, atMostMs: t.float },
  gives: { token: t.bigint },
  text: `
    insert into locks as l (name, holder, token, locked_until, locked_at)
    values ($name, $holder, 1, now() + $atMostMs * interval '1 ms', now())
    on conflict (name) do update
    set holder = excluded.holder, token = l.token + 1, locked_until = excluded.locked_until, locked_at = excluded.locked_at
    where l.locked_until <= now() or l.holder = excluded.holder
    returning l.token`,
});

/** Makes a lease last longer; no row when the token is not the present one any more. */
const extendLock = statement({
  name: 'locks_extend',
  takes: { name: t.text, token: t.bigint, atMostMs: t.float },
  gives: { token: t.bigint },
  text: `update locks set locked_until = now() + $atMostMs * interval '1 ms' where name = $name and token = $token returning token`,
});

/** Gives a lock back, not before it was held for $atLeastMs; nothing when the token is not the present one any more. */
const releaseLock = statement({
  name: 'locks_release',
  takes: { name: t.text, token: t.bigint, atLeastMs: t.float },
  gives: {},
  text: `update locks set locked_until = greatest(now(), locked_at + $atLeastMs * interval '1 ms') where name = $name and token = $token`,
});

const freeIn = statement({
  name: 'locks_free_in',
  takes: { name: t.text },
  gives: { wait_ms: t.float },
  text: 'select greatest(0, extract(epoch from locked_until - clock_timestamp()) * 1000)::float8 as wait_ms from locks where name = $name',
});

export interface LeaseLockOptions {
  /** How long it is held at most without an extension, ms: what the death of a holder costs. */
  atMostMs: number;
  /** How long others are kept off at least, ms, though the work is done sooner: processes whose timers fire a little later. */
  atLeastMs: number;
}

/**
 * Lets one process of many do what needs to be done once, to save the others the work. A holder that was stopped past its lease does not
 * know, so whatever is done under it must bear being done twice; its token tells the later of two.
 */
export class LeaseLock {
  constructor(
    private readonly database: Runner,
    private readonly name: string,
    /** Who asks: one name a process. */
    private readonly holder: string,
    private readonly options: LeaseLockOptions,
  ) {}

  /** The token, or in how many ms it is worth asking again. */
  async take(): Promise<{ token: number } | { token: undefined; waitMs: number }> {
    const { name, holder } = this;
    const [taken] = await this.database.run(takeLock, { name, holder, atMostMs: this.options.atMostMs });
    if (taken !== undefined) return { token: taken.token };
    const [held] = await this.database.run(freeIn, { name });
    return { token: undefined, waitMs: Math.ceil(held?.wait_ms ?? 0) };
  }

  /** False when somebody else has it by now. */
  async extend(token: number): Promise<boolean> {
    return (await this.database.run(extendLock, { name: this.name, token, atMostMs: this.options.atMostMs })).length > 0;
  }

  async release(token: number): Promise<void> {
    await this.database.run(releaseLock, { name: this.name, token, atLeastMs: this.options.atLeastMs });
  }
}

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ClicksWorld } from './clicks-world.js';

const MARQUEE = fileURLToPath(new URL('../../../apps/server/bin/marquee.mjs', import.meta.url));

/** What a run comes to, held against the list of those who clicked. */
export interface ClicksBalance {
  oks: number;
  stored: number;
  /** Answered OK and never counted. */
  lost: number;
  /** Counted, and nobody was answered OK. */
  unasked: number;
  /** How far the counts are from the clicks, and the clicks from their ids: 0. */
  miscounted: number;
  /** What `marquee clicks ledger` printed, and what it says was lost. */
  ledger: { text: string; balances: boolean; atLeast: number; atMost: number };
}

export async function clicksBalance(world: ClicksWorld): Promise<ClicksBalance> {
  const ledger = await ledgerOf(world.url);
  const oks = new Set((await world.client.call('oks', null)).map(({ id }) => id));
  const stored = new Set((await world.sql<{ id: string }>('select message_id as id from click_ids')).map(({ id }) => id));
  const [sums] = await world.sql<{ clicks: string; counted: string }>(
    'select (select count(*) from clicks) as clicks, (select coalesce(sum(raw), 0) from click_minutes) as counted',
  );
  return {
    oks: oks.size,
    stored: stored.size,
    lost: [...oks].filter((id) => !stored.has(id)).length,
    unasked: [...stored].filter((id) => !oks.has(id)).length,
    miscounted: Math.abs(stored.size - Number(sums?.clicks)) + Math.abs(stored.size - Number(sums?.counted)),
    ledger,
  };
}

/** As a user asks for it. */
async function ledgerOf(url: string): Promise<ClicksBalance['ledger']> {
  const child = spawn(process.execPath, [MARQUEE, 'clicks', 'ledger', '--url', url], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const [, atLeast, atMost] = /lost: between (\d+) and (\d+)/.exec(text) ?? [];
  return { text, balances: code === 0, atLeast: Number(atLeast ?? 0), atMost: Number(atMost ?? 0) };
}

export interface Expected {
  /** Most clicks that may be lost: 0, or what fits into the memory of what was killed. */
  lost: number;
  /** Whether the ledger can know that nothing was lost. */
  balances: boolean;
}

/** What is wrong with it, a sentence each. */
export function wrongWith(balance: ClicksBalance, expected: Expected): string[] {
  const { lost, unasked, miscounted, ledger } = balance;
  const wrong: string[] = [];
  if (lost > expected.lost) wrong.push(`${lost} clicks were answered OK and are not counted; at most ${expected.lost} may be`);
  if (unasked > 0) wrong.push(`${unasked} clicks are counted though nobody was answered OK`);
  if (miscounted > 0) wrong.push(`counts, clicks and ids differ by ${miscounted}`);
  if (ledger.balances !== expected.balances) wrong.push(`the ledger says that it ${ledger.balances ? 'balances' : 'does not balance'}`);
  if (lost < ledger.atLeast || lost > ledger.atMost)
    wrong.push(`${lost} are lost, and the ledger says between ${ledger.atLeast} and ${ledger.atMost}`);
  return wrong;
}

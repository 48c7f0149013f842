import { setTimeout as delay } from 'node:timers/promises';
import { type ClickLedger, clickLedger, ROUTES } from '@marquee/contracts';
import type { Command } from 'commander';
import { type Api, EXIT } from './api.js';
import { addDeadLetters } from './dead-letters.js';
import { addStatus } from './clicks-status.js';
import { apiOf, type ApiOptions, asksApi } from './command.js';
import { say, table, when } from './terminal.js';

/** How long it is waited for clicks to settle, ms: for ever they do not, while there are new ones. */
const PATIENCE_MS = 10_000;
/** A ledger that balances for so long does not do so because nobody has noticed yet that a process is gone, ms. */
const SURE_MS = 2000;
/** Numbers that have not moved for so long do not move, ms. */
const STILL_MS = 4000;
const EVERY_MS = 500;

interface LedgerOptions extends ApiOptions {
  from?: string;
  to?: string;
}

/** Adds `marquee clicks`. */
export function addClicks(program: Command): void {
  const clicks = program.command('clicks').description('see what becomes of clicks');
  addStatus(clicks);
  addDeadLetters(clicks);
  asksApi(clicks.command('ledger').description('what became of every click that was accepted; exit code 1 when it does not balance'))
    .option('--from <time>', 'epoch ms (default: a day ago)')
    .option('--to <time>', 'epoch ms (default: now)')
    .action(async ({ from, to, ...options }: LedgerOptions) => {
      const { text, ledger } = await settledLedger(apiOf(options), { from, to });
      say(options.json === true ? text : ledgerText(ledger));
      if (!ledger.balanced) process.exitCode = EXIT.failed;
    });
}

/** The ledger when it balances with nothing in flight, or when it moves no more, or when it was waited for long enough. */
async function settledLedger(api: Api, query: Record<string, string | undefined>): Promise<{ text: string; ledger: ClickLedger }> {
  const until = performance.now() + PATIENCE_MS;
  let stillSince = performance.now();
  let settledSince: number | undefined;
  let before = '';
  for (;;) {
    const answer = await api.get(ROUTES.clickLedger, query);
    const ledger = answer.as(clickLedger);
    const now = performance.now();
    if (answer.text !== before) stillSince = now;
    before = answer.text;
    settledSince = ledger.balanced && ledger.total.missing === 0 ? (settledSince ?? now) : undefined;
    if ((settledSince !== undefined && now - settledSince > SURE_MS) || now - stillSince > STILL_MS || now > until)
      return { text: answer.text, ledger };
    await delay(EVERY_MS);
  }
}

function ledgerText({ minutes, total, inFlight, lost, silent, balanced }: ClickLedger): string {
  const row = (at: string, each: ClickLedger['total']) => [
    at,
    each.accepted,
    each.stored,
    each.duplicates,
    each.dead,
    each.missing,
    Object.entries(each.rejected)
      .map(([reason, n]) => `${reason} ${n}`)
      .join(', '),
  ];
  const said = (depth: number | null) => depth ?? 'unknown';
  const lines = [
    table(
      ['minute', 'accepted', 'stored', 'duplicates', 'dead', 'missing', 'rejected'],
      [...minutes.map((each) => row(when(each.at) ?? '', each)), row('total', total)],
    ),
    `in flight: ${inFlight.memory} in memory, ${said(inFlight.queue)} in the queue, ${said(inFlight.fallback)} in the fallback`,
  ];
  if (silent.length > 0)
    lines.push(`lost: between ${lost.atLeast} and ${lost.atMost}, by processes that were killed or are silent: ${silent.join(', ')}`);
  lines.push(balanced ? 'It balances.' : 'It does not balance.');
  return lines.join('\n');
}

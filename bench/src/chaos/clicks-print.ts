import { type ClicksRun, P99_MS } from './clicks.js';

/** Prints what became of every click; answers whether all is as it must be. */
export function printClicks(runs: readonly ClicksRun[], seed: number): boolean {
  const isRight = runs.every(({ wrong }) => wrong.length === 0);
  const lines = runs.flatMap(linesOf);
  lines.push(isRight ? 'Every click is accounted for.' : `Not every click is accounted for. The same again: --seed ${seed}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return isRight;
}

function linesOf({ ack, faults, tally, balance, wrong }: ClicksRun): string[] {
  const { ok, overloaded, refused, cut, p50Ms, p99Ms, maxMs, ownMs } = tally;
  return [
    `${ack}: ${faults.map(({ says }) => says).join('; ')}`,
    `  answers: ${ok} OK, ${overloaded} times 503, ${refused} refused, ${cut} cut`,
    `  of the OKs: p50 ${p50Ms} ms, p99 ${p99Ms} ms${p99Ms > P99_MS ? ` (more than ${P99_MS})` : ''}, at most ${maxMs} ms; the clients themselves were held up for ${ownMs} ms at most`,
    `  ${balance.oks} clicks were answered OK, ${balance.stored} are counted, ${balance.lost} are lost`,
    ...balance.ledger.text
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
    ...wrong.map((line) => `  WRONG: ${line}`),
  ];
}

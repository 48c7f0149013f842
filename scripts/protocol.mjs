// Checks the model of the dispatch protocol, docs/protocol/dispatch.pml: the protocol keeps its promises, each mutant of it breaks the one that its
// rule is there for, and so does each fault that the promises leave out. Prints a table; exits 1 when anything differs.
//   npm run protocol                      everything: minutes
//   npm run protocol -- --quick           the small checks of the protocol, and every mutant: under a minute
//   npm run protocol -- --show NAME       the shortest run that breaks it, step by step
// Needs `spin` and a C compiler (Debian: apt install spin gcc libc6-dev). Every search is exhaustive; none is by hash alone.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const MODEL = fileURLToPath(new URL('../docs/protocol/dispatch.pml', import.meta.url));
/** What one search may use, MB: two run at once. */
const MEMORY_MB = 1900;

/** Which promise an assertion of the model stands for, by what only it speaks of. */
const PROMISES = [
  ['P1', 'pauseAnswered'],
  ['P5', 'cancelAnswered'],
  ['P2', 'asked'],
  ['P3', 'rclaim'],
  ['P3', 'attempt'],
  ['P5', 'maybe'],
  ['P4', 'status'],
  ['P4', 'excl'],
];

/** The protocol itself, with how many deliveries, users' orders, faults and repeats in one run. */
const RIGHT = [
  { name: 'unsafe', sizes: [1, 2, 1, 1] },
  { name: 'safe', sizes: [1, 2, 1, 1], safe: true },
  { name: 'unsafe, every run ends', sizes: [1, 2, 1, 1], cycles: true },
  { name: 'safe, every run ends', sizes: [1, 2, 1, 1], safe: true, cycles: true, slow: true },
  { name: 'unsafe, two faults', sizes: [1, 2, 2, 1], slow: true },
  { name: 'safe, two faults', sizes: [1, 2, 2, 1], safe: true, slow: true },
  { name: 'unsafe, four orders', sizes: [1, 4, 0, 1], slow: true },
  { name: 'unsafe, two deliveries', sizes: [2, 2, 1, 0], slow: true },
  { name: 'safe, two deliveries', sizes: [2, 1, 1, 1], safe: true, slow: true },
];

/** What must break, which promise, and where the sizes matter, in which runs. */
const BROKEN = [
  { name: 'MUTANT_CLAIM_FROM_SNAPSHOT', breaks: 'P4', rule: '1' },
  { name: 'MUTANT_LOCK_AFTER_BEGIN', breaks: 'P1', rule: '2' },
  { name: 'MUTANT_LOCK_INSIDE_BEGIN', breaks: 'P1', rule: '2' },
  { name: 'MUTANT_EPOCH_BEFORE_CAS', breaks: 'P3', rule: '3' },
  { name: 'MUTANT_BEGIN_BY_EPOCH', breaks: 'P3', rule: '3' },
  { name: 'MUTANT_BEGIN_OPEN_UNTIL_SENT', breaks: 'P2', rule: '4', sizes: [1, 0, 1, 1] },
  { name: 'MUTANT_NO_DEADLINE', breaks: 'P1', rule: '5' },
  { name: 'MUTANT_SETTLE_BY_ID', breaks: 'P3', rule: '6' },
  { name: 'MUTANT_SETTLE_BY_EPOCH', breaks: 'P3', rule: '6' },
  { name: 'MUTANT_SETTLE_BY_CAMPAIGN_EPOCH', breaks: 'P4', rule: '6' },
  { name: 'MUTANT_AMBIGUOUS_RETRIED', breaks: 'P2', rule: '6', sizes: [1, 0, 1, 1] },
  { name: 'MUTANT_AMBIGUOUS_WITHOUT_DOUBT', breaks: 'P5', rule: '6', safe: true },
  { name: 'MUTANT_RESCUE_RESENDS', breaks: 'P2', rule: '7', sizes: [1, 0, 1, 1] },
  { name: 'MUTANT_RETRY_WITHOUT_DOUBT', breaks: 'P5', rule: '7' },
  { name: 'MUTANT_PAUSE_WITHOUT_LOCK', breaks: 'P1', rule: '8' },
  { name: 'MUTANT_PAUSE_DOES_NOT_READ_AGAIN', breaks: 'P1', rule: '8' },
  { name: 'MUTANT_RESUME_WITHOUT_REWIND', breaks: 'P4', rule: '9' },
  { name: 'MUTANT_RESUME_IN_ONE_STATEMENT', breaks: 'P4', rule: '9', sizes: [1, 4, 0, 0] },
  { name: 'MUTANT_CANCEL_WITHOUT_LOCK', breaks: 'P5', rule: '10' },
  { name: 'MUTANT_SWEPT_ONCE', breaks: 'P4', rule: '10' },
  { name: 'MUTANT_CANCEL_BLIND_TO_DOUBT', breaks: 'P5', rule: '10' },
  { name: 'FAULT_SESSION_LOST', breaks: 'P1', rule: '5' },
  { name: 'FAULT_FROZEN_BEFORE_WRITE', breaks: 'P1', rule: '5' },
  { name: 'FAULT_FAILOVER', breaks: 'P2', rule: '4', sizes: [1, 0, 1, 1] },
];

/** Runs a program in a folder and answers what it printed; rejects when it cannot be run or, if it must succeed, fails. */
function run(program, args, cwd, mustSucceed = true) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    child.stdout.on('data', (data) => {
      printed += data;
    });
    child.stderr.on('data', (data) => {
      printed += data;
    });
    child.on('error', (error) =>
      reject(error.code === 'ENOENT' ? new Error(`${program} is missing (Debian: apt install spin gcc libc6-dev)`) : error),
    );
    child.on('close', (code) => (mustSucceed && code !== 0 ? reject(new Error(`${program} failed:\n${printed}`)) : resolve(printed)));
  });
}

function flagsOf({ name, sizes = [1, 2, 1, 1], safe = false, breaks }) {
  const [n, orders, faults, repeats] = sizes;
  const flags = [`-DN=${n}`, `-DORDERS=${orders}`, `-DFAULTS=${faults}`, `-DREPEATS=${repeats}`];
  return [...flags, ...(safe ? ['-DSAFE'] : []), ...(breaks === undefined ? [] : [`-D${name}`])];
}

/** Searches one variant of the model: breadth first where something must break, so that what is found is shortest. */
async function search(scratch, check) {
  const folder = path.join(scratch, check.name.replaceAll(/\W/g, '_'));
  await mkdir(folder);
  await run('spin', ['-a', ...flagsOf(check), MODEL], folder);
  const mode = check.cycles === true ? ['-DNP'] : ['-DSAFETY'];
  const how = check.breaks === undefined ? ['-O2', '-DCOLLAPSE', ...mode] : ['-O1', '-DBFS', ...mode];
  await run('cc', ['-w', ...how, `-DMEMLIM=${MEMORY_MB}`, '-o', 'pan', 'pan.c'], folder);
  const started = performance.now();
  const printed = await run('./pan', ['-E', '-m1000000', ...(check.cycles === true ? ['-l'] : [])], folder, false);
  const seconds = (performance.now() - started) / 1000;
  const states = Number(/(\d+) states, stored/.exec(printed)?.[1] ?? 0);
  const found = /assertion violated (.*) \(at depth (\d+)\)/.exec(printed);
  const complete = /errors: 0\b/.test(printed) && !/not completed|too small|out of memory|memory bound/i.test(printed);
  const promise = found === null ? undefined : (PROMISES.find(([, word]) => found[1].includes(word))?.[0] ?? found[1]);
  const broke = promise ?? (complete ? 'nothing' : printed.includes('non-progress cycle') ? 'P4 (runs for ever)' : 'search incomplete');
  return { ...check, folder, states, seconds, broke, steps: found?.[2] ?? '', holds: broke === (check.breaks ?? 'nothing') };
}

function row({ name, rule = '', safe = false, sizes = [1, 2, 1, 1], states, seconds, breaks = 'nothing', broke, steps, holds }) {
  const cells = [name.padEnd(33), rule.padStart(4), safe ? 'safe  ' : 'unsafe', sizes.join('/'), String(states).padStart(9)];
  const verdict = `${broke}${steps === '' ? '' : ` after ${steps} steps`}${holds ? '' : `   <- must break ${breaks}`}`;
  return `${cells.join('  ')}  ${seconds.toFixed(1).padStart(6)} s  ${verdict}`;
}

/** The steps of a run as spin retells them, without its tests and its counting. */
function told(printed) {
  const step = /^\s*(\d+):\s+proc\s+(\d+) \((\w+):\d+\) \S+:(\d+) \(state \d+\)\s+\[(.*)\]$/;
  const steps = printed.split('\n').flatMap((line) => {
    const [, at, number, name, source, what] = step.exec(line) ?? [];
    return what === undefined || !/(\+\+|--|[^=!<>]=[^=])/.test(what)
      ? []
      : [`${at.padStart(4)}  ${name} ${number}, line ${source}: ${what}`];
  });
  return steps.join('\n');
}

async function show(scratch, name) {
  const check = BROKEN.find((each) => each.name === name);
  if (check === undefined) throw new Error(`there is no ${name}; there are ${BROKEN.map((each) => each.name).join(' ')}`);
  const { folder, broke } = await search(scratch, check);
  console.log(told(await run('spin', ['-t', '-p', ...flagsOf(check), '-k', 'dispatch.pml.trail', MODEL], folder, false)));
  console.log(`then ${broke} is broken`);
}

async function all(scratch, quick) {
  // The long ones first, so that two searches run at once until the end.
  const slow = quick ? [] : RIGHT.filter((check) => check.slow === true);
  const left = [...slow, ...RIGHT.filter((check) => check.slow !== true), ...BROKEN];
  let different = 0;
  console.log('deliveries/orders/faults/repeats; states are those that were stored');
  const worker = async () => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) {
      const result = await search(scratch, check);
      if (!result.holds) different += 1;
      console.log(row(result));
      await rm(result.folder, { recursive: true });
    }
  };
  await Promise.all([worker(), worker()]);
  console.log(different === 0 ? 'the protocol holds, and every mutant and fault is refuted' : `${different} differ`);
  return different === 0;
}

const scratch = await mkdtemp(path.join(tmpdir(), 'marquee-protocol-'));
try {
  const [option, name] = process.argv.slice(2);
  if (option === '--show') await show(scratch, name);
  else if (!(await all(scratch, option === '--quick'))) process.exitCode = 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

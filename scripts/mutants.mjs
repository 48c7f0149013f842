// Takes the rules of the dispatch protocol (docs/protocol) out of the code, one at a time, in a throw-away copy of the tree, and runs the tests that
// should notice. Prints killed or survived for each; exits 1 when one survives, when the tests fail without a mutant, or when the text that a
// mutant replaces is no longer there: then mend the mutant.
//   npm run test:mutants                  all of them: minutes
//   npm run test:mutants -- NAME …        those whose name has one of these words in it
// The copy is of what git tracks, with the changes that are not committed yet.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TESTS = ['apps/server/src/test/races/fence.test.ts', 'apps/server/src/test/races/protocol.test.ts'];
/** A mutant that makes a test wait for ever is killed as well. */
const TEST_TIMEOUT_MS = 10_000;

const DELIVERIES = 'apps/server/src/deliveries/deliveries.store.ts';
const CONSUMER = 'apps/server/src/dispatch/consumer.ts';
const SWEEPER = 'apps/server/src/dispatch/sweeper.ts';
const FENCE = 'apps/server/src/store/fence.ts';
const INTERRUPTIONS = 'apps/server/src/campaigns/interruptions.service.ts';
const RETRIES = 'apps/server/src/campaigns/interruptions.store.ts';

/** `edits`: file, text that must be there exactly once, what stands there instead. */
const MUTANTS = [
  {
    name: 'claim from a snapshot, without the row lock',
    edits: [[DELIVERIES, `status not in ('cancelled', 'completed') for share),`, `status not in ('cancelled', 'completed')),`]],
  },
  {
    name: 'lock after begin',
    edits: [
      [
        CONSUMER,
        `      const hold = await this.fence.hold(batch.key.lockKey);
      try {
        begun = await this.begin(message, ids);`,
        `      begun = await this.begin(message, ids);
      const hold = await this.fence.hold(batch.key.lockKey);
      try {`,
      ],
    ],
  },
  {
    name: 'lock inside begin’s statement',
    edits: [
      [FENCE, '`select pg_advisory_xact_lock_shared(${BigInt(lockKey)})`', '`select ${BigInt(lockKey)}`'],
      [
        DELIVERIES,
        `      set status = 'SENDING', was = d.status, attempt = d.attempt + 1
      from campaigns c
      where `,
        `      set status = 'SENDING', was = d.status, attempt = d.attempt + 1
      from campaigns c, (select pg_advisory_xact_lock_shared(lock_key) from campaigns where id = $campaign offset 0) as locked
      where `,
      ],
    ],
  },
  {
    name: 'begin by the campaign’s epoch and the status alone',
    edits: [
      [
        DELIVERIES,
        `d.status = 'IN_PROGRESS' and d.epoch = $epoch and d.claim_id = $claim`,
        `d.status = 'IN_PROGRESS' and c.epoch = $epoch`,
      ],
    ],
  },
  {
    name: 'epoch read before the compare-and-set',
    edits: [
      [
        CONSUMER,
        `    const begun = await this.database.run(beginDeliveries, {
      campaign: campaignId,
      execution: executionId,
      epoch,`,
        `    const read = await this.epochOf(campaignId);
    if (read !== epoch) return [];
    const begun = await this.database.run(beginDeliveries, {
      campaign: campaignId,
      execution: executionId,
      epoch,`,
      ],
      [
        CONSUMER,
        `  private async begin(message`,
        `  private async epochOf(campaign) {
    const { rows } = await this.database.withClient((client) => client.query('select epoch from campaigns where id = $1', [campaign]));
    return rows[0]?.epoch;
  }

  private async begin(message`,
      ],
      [DELIVERIES, `d.status = 'IN_PROGRESS' and d.epoch = $epoch and d.claim_id = $claim`, `d.status = 'IN_PROGRESS' and $epoch >= 0`],
    ],
  },
  {
    name: 'begin by epoch, without the claim’s id',
    edits: [[DELIVERIES, `d.epoch = $epoch and d.claim_id = $claim`, `d.epoch = $epoch`]],
  },
  {
    name: 'begin by the claim’s id, whatever its epoch',
    edits: [[DELIVERIES, `d.epoch = $epoch and d.claim_id = $claim`, `$epoch >= 0 and d.claim_id = $claim`]],
  },
  {
    name: 'begin although paused',
    edits: [[DELIVERIES, `c.id = $campaign and not c.paused and c.status not in`, `c.id = $campaign and c.status not in`]],
  },
  {
    name: 'begin although cancelled',
    edits: [[DELIVERIES, `not c.paused and c.status not in ('cancelled', 'completed')`, `not c.paused and c.status <> 'completed'`]],
  },
  {
    name: 'begin’s transaction open until sent',
    edits: [
      [
        CONSUMER,
        `    const begun = await this.database.run(beginDeliveries, {`,
        `    const inOpenTransaction = (asked, values) =>
      new Promise((resolve, reject) => {
        this.database
          .transaction(async (open) => {
            resolve(await open.run(asked, values));
            await new Promise((sent) => setTimeout(sent, 500));
          })
          .catch(reject);
      });
    const begun = await inOpenTransaction(beginDeliveries, {`,
      ],
    ],
  },
  {
    name: 'no deadline',
    edits: [[FENCE, `alive && this.clock.monotonic() < deadline`, `alive && deadline > 0`]],
  },
  {
    name: 'sends although its lock’s session has ended',
    edits: [[FENCE, `alive && this.clock.monotonic() < deadline`, `this.clock.monotonic() < deadline`]],
  },
  {
    name: 'lock released before all have started',
    edits: [[CONSUMER, `        await Promise.race([allAsked, Promise.all(results)]);`, `        allAsked.catch(() => undefined);`]],
  },
  {
    name: 'settle by id only',
    edits: [[DELIVERIES, `d.id = r.id and d.attempt = r.attempt and d.status in`, `d.id = r.id and d.status in`]],
  },
  {
    name: 'settle by epoch only',
    edits: [[DELIVERIES, `d.id = r.id and d.attempt = r.attempt and d.status in`, `d.id = r.id and d.epoch = $epoch and d.status in`]],
  },
  {
    name: 'settle against the campaign’s epoch',
    edits: [
      [
        DELIVERIES,
        `d.id = r.id and d.attempt = r.attempt and d.status in`,
        `d.id = r.id and d.attempt = r.attempt and $epoch = (select epoch from campaigns where id = $campaign) and d.status in`,
      ],
    ],
  },
  {
    name: 'a late result does not heal UNKNOWN',
    edits: [[DELIVERIES, `d.status in ('SENDING', 'UNKNOWN')`, `d.status in ('SENDING')`]],
  },
  {
    name: 'ambiguous result retried on an unsafe channel',
    edits: [[CONSUMER, `const unknown = doubt && channel.redelivery === 'unsafe';`, `const unknown = false;`]],
  },
  {
    name: 'ambiguous result retried on a safe channel without doubt',
    edits: [[DELIVERIES, `doubt = d.doubt or r.doubt`, `doubt = d.doubt`]],
  },
  {
    name: 'rescue from SENDING to PENDING on an unsafe channel',
    edits: [[DELIVERIES, `d.status = 'IN_PROGRESS' or x.again as again`, `true as again`]],
  },
  {
    name: 'rescue without doubt',
    edits: [[DELIVERIES, `doubt = d.doubt or (d.status = 'SENDING' and not h.arrived)`, `doubt = d.doubt`]],
  },
  {
    name: 'a person’s retry without doubt',
    edits: [[RETRIES, `doubt = d.doubt or d.status = 'UNKNOWN'`, `doubt = d.doubt`]],
  },
  {
    name: 'pause without the lock',
    edits: [
      [
        INTERRUPTIONS,
        `confirmed(await this.fence.barrier(lock_key, () => this.interrupted(id), force), 'PAUSE_UNCONFIRMED')`,
        `{ read: await this.interrupted(id), forced: lock_key === 0 && force ? 1 : 0 }`,
      ],
    ],
  },
  {
    name: 'pause that does not read again under the lock',
    edits: [[INTERRUPTIONS, `if (!barrier.read.paused) throw`, `if (barrier.read.paused === undefined) throw`]],
  },
  {
    name: 'resume without rewind',
    edits: [[INTERRUPTIONS, `await transaction.run(rewindDeliveries, { campaign: id });`, `[{ rewound: 0 }];`]],
  },
  {
    name: 'resume that leaves the epoch',
    edits: [[RETRIES, `paused = false, epoch = epoch + 1,`, `paused = false,`]],
  },
  {
    name: 'rewind of what is being sent',
    edits: [[RETRIES, `where d.id = held.id and d.status = 'IN_PROGRESS'`, `where d.id = held.id`]],
  },
  {
    name: 'retry that does not look at cancel again',
    edits: [[RETRIES, `in ('RUNNING', 'COMPLETED') and exists (select from fence)`, `in ('RUNNING', 'COMPLETED')`]],
  },
  {
    name: 'cancel without the lock',
    edits: [
      [
        INTERRUPTIONS,
        `confirmed(await this.fence.barrier(lock_key, () => knownCampaign(this.database, id), force), 'CANCEL_UNCONFIRMED')`,
        `{ read: await knownCampaign(this.database, id), forced: lock_key === 0 && force ? 1 : 0 }`,
      ],
    ],
  },
  {
    name: 'cancel swept once',
    edits: [[SWEEPER, `if ((inFlight?.n ?? 0) > 0) return`, `if ((inFlight?.n ?? 0) < 0) return`]],
  },
  {
    name: 'cancel blind to doubt',
    edits: [[DELIVERIES, `case when d.doubt then 'UNKNOWN' else $outcome end`, `$outcome`]],
  },
];

/** Set by Ctrl-C: the copy is taken away before the end. */
let stopped = false;
let running;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopped = true;
    running?.kill('SIGTERM');
  });
}

/** Runs a program and answers its exit code and what it printed. */
function run(program, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', TEST_JSON: undefined },
    });
    running = child;
    let printed = '';
    const keep = (data) => {
      printed += data;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, printed }));
  });
}

async function git(...args) {
  const { code, printed } = await run('git', args, ROOT);
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed:\n${printed}`);
  return printed.trim();
}

/** The tree as it is, with the packages that are installed here. */
async function copyTree(scratch) {
  const copy = path.join(scratch, 'tree');
  await git('worktree', 'add', '--detach', copy, (await git('stash', 'create')) || 'HEAD');
  const folders = ['.', ...['apps', 'packages'].flatMap((room) => [`${room}/*`]), 'bench'];
  for (const pattern of folders) {
    const found = pattern.includes('*') ? await git('ls-files', '--', `${pattern}/package.json`) : `${pattern}/package.json`;
    for (const file of found.split('\n')) {
      for (const made of ['node_modules', 'dist']) {
        const from = path.join(ROOT, path.dirname(file), made);
        if (existsSync(from)) await symlink(from, path.join(copy, path.dirname(file), made));
      }
    }
  }
  return copy;
}

async function runTests(copy) {
  return await run('npx', ['vitest', 'run', '--project', 'server', '--bail', '1', '--testTimeout', `${TEST_TIMEOUT_MS}`, ...TESTS], copy);
}

/** What the mutant's edits make of the files; and the files as they were. */
async function edited(copy, { name, edits }) {
  const before = new Map();
  const after = new Map();
  for (const [file, find, replacement] of edits) {
    const text = after.get(file) ?? (await readFile(path.join(copy, file), 'utf8'));
    if (!before.has(file)) before.set(file, text);
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`"${name}" finds its text ${times} times in ${file}, not once; mend scripts/mutants.mjs:\n${find}`);
    after.set(
      file,
      text.replace(find, () => replacement),
    );
  }
  return { before, after };
}

async function write(copy, files) {
  for (const [file, text] of files) await writeFile(path.join(copy, file), text);
}

async function tryMutant(copy, mutant) {
  const { before, after } = await edited(copy, mutant);
  await write(copy, after);
  const started = performance.now();
  const { code, printed } = await runTests(copy);
  await write(copy, before);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const noticed = /FAIL .*? > (.*)/.exec(printed)?.[1];
  // A tree that cannot be run at all has noticed nothing.
  const killed = code !== 0 && noticed !== undefined;
  const verdict = killed ? `killed by: ${noticed}` : code === 0 ? 'SURVIVED' : `NO TEST RAN\n${printed.slice(-2000)}`;
  console.log(`${mutant.name.padEnd(58)} ${seconds.padStart(3)} s  ${verdict}`);
  return killed;
}

async function main(scratch) {
  const words = process.argv.slice(2);
  const chosen = MUTANTS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const copy = await copyTree(scratch);
  try {
    for (const mutant of chosen) await edited(copy, mutant);
    const { code, printed } = await runTests(copy);
    if (code !== 0) throw new Error(`the tests fail without any mutant:\n${printed.slice(-4000)}`);
    let survived = 0;
    for (const mutant of chosen) {
      if (!(await tryMutant(copy, mutant))) survived += 1;
      if (stopped) throw new Error('stopped');
    }
    console.log(survived === 0 ? `all ${chosen.length} were killed` : `${survived} of ${chosen.length} survived`);
    return survived === 0;
  } finally {
    await git('worktree', 'remove', '--force', copy);
  }
}

const scratch = await mkdtemp(path.join(tmpdir(), 'marquee-mutants-'));
try {
  if (!(await main(scratch))) process.exitCode = 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AddressPolicy, parseFetchAllow, systemResolve } from '../kit/address-policy.js';
import { systemClock } from '../kit/clock.js';
import { silentLog } from '../kit/log.js';
import { SignedPoster } from '../kit/signed-poster.js';
import { isSigned, MailReceiver, WebhookReceiver } from '../test/support/alerts.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Mailer } from './mailer.js';
import { NO_MAILER, Notifier } from './notifier.js';
import { settleNotice, takeNotices } from './notices.store.js';

class SteppedNotifier extends Notifier {
  step(): Promise<number> {
    return this.turn();
  }
}

const DAY_MS = 86_400_000;
const LEASE_MS = 60_000;

let store: TestStore;
let receiver: WebhookReceiver;
let mails: MailReceiver;
let poster: SignedPoster;
let mailer: Mailer;
let notifier: SteppedNotifier;
let counted: string[];

beforeAll(async () => {
  store = await openTestStore();
  mails = await MailReceiver.start();
  mailer = new Mailer(mails.url, 'Marquee <alerts@example.test>', 5000);
});
afterAll(async () => {
  mailer.close();
  await mails.stop();
  await store.close();
});

beforeEach(async () => {
  await store.sql('truncate alert_rules, notices cascade');
  receiver = await WebhookReceiver.start();
  const allow = parseFetchAllow('127.0.0.0/8');
  if (!allow.ok) throw new Error(allow.error);
  const policy = new AddressPolicy(allow.allow, systemResolve, { neverLinkLocal: true });
  poster = new SignedPoster(policy, systemClock, { timeoutMs: 5000, allowSetting: 'WEBHOOK_ALLOW' });
  counted = [];
  notifier = makeNotifier(mailer);
});
afterEach(async () => {
  await poster.close();
  await receiver.stop();
});

function makeNotifier(withMailer: Mailer | undefined): SteppedNotifier {
  const options = { pollMs: 1000, onError: () => undefined, alertsUrl: 'http://marquee.test/console/alerts', leaseMs: LEASE_MS };
  const metrics = { notice: (way: string, result: string) => void counted.push(`${way} ${result}`) };
  return new SteppedNotifier(store.database, poster, withMailer, options, metrics, silentLog);
}

async function makeRule({ url = receiver.url, secret = null as string | null, emails = [] as string[] } = {}): Promise<string> {
  const id = randomUUID();
  await store.sql(`insert into alert_rules (id, name, webhook_url, webhook_secret, emails) values ($1, 'Shop <windows>', $2, $3, $4)`, [
    id,
    url,
    secret,
    emails,
  ]);
  return id;
}

interface NoticeParts {
  kind?: string;
  way?: string;
  target?: string;
  screens?: number;
}

async function queue(rule: string, { kind = 'outage', way = 'webhook', target = '', screens = 1 }: NoticeParts = {}): Promise<string> {
  const named = [{ deviceId: 'lobby-1', groupId: 'lobby', since: 1_790_000_000_000 }];
  const [row] = await store.sql<{ id: string }>(
    `insert into notices (rule_id, round_id, kind, way, target, rule_name, screens, named)
     values ($1, uuid_v7(), $2, $3, $4, 'Shop <windows>', $5, $6) returning id`,
    [rule, kind, way, target, screens, JSON.stringify(named)],
  );
  return row?.id ?? '';
}

interface State {
  state: string;
  attempts: number;
  last_error: string | null;
  wait_s: number | null;
}

async function stateOf(id: string): Promise<State | undefined> {
  const [row] = await store.sql<State & Record<string, unknown>>(
    'select state, attempts, last_error, extract(epoch from next_attempt_at - now())::float8 as wait_s from notices where id = $1',
    [id],
  );
  return row;
}

async function pass(ms: number): Promise<void> {
  await store.sql(`update notices set next_attempt_at = next_attempt_at - $1 * interval '1 ms'`, [ms]);
}

describe('a webhook', () => {
  test('is posted what happened, signed, under the id of the notice', async () => {
    const rule = await makeRule({ secret: 'hush' });
    const id = await queue(rule, { screens: 2000 });
    await notifier.step();
    const [post] = await receiver.posts.count(1);
    expect(post?.body).toEqual({
      type: 'outage',
      ruleId: rule,
      rule: 'Shop <windows>',
      at: expect.any(Number),
      screens: [{ deviceId: 'lobby-1', groupId: 'lobby', since: 1_790_000_000_000 }],
      more: 1999,
    });
    expect(post !== undefined && isSigned(post, 'hush')).toBe(true);
    expect(Math.abs(Date.now() - Number(post?.headers['x-marquee-timestamp']))).toBeLessThan(10_000);
    expect(post?.headers).toMatchObject({ 'idempotency-key': id, 'content-type': 'application/json' });
    expect(await stateOf(id)).toEqual({ state: 'sent', attempts: 1, last_error: null, wait_s: null });
    expect(counted).toEqual(['webhook sent']);
  });

  test('without a secret is not signed', async () => {
    await queue(await makeRule());
    await notifier.step();
    const [post] = await receiver.posts.count(1);
    expect(post?.headers['x-marquee-signature']).toBeUndefined();
  });

  test('that fails is posted the same again, later and later, until it takes it', async () => {
    const rule = await makeRule({ secret: 'hush' });
    const id = await queue(rule);
    receiver.answers.push({ status: 500 }, { status: 503 });
    await notifier.step();
    const first = await stateOf(id);
    expect(first).toMatchObject({ state: 'queued', attempts: 1, last_error: 'answered 500' });
    await notifier.step();
    expect(receiver.posts.all).toHaveLength(1);
    await pass(6000);
    await notifier.step();
    const second = await stateOf(id);
    expect(second?.wait_s).toBeGreaterThan((first?.wait_s ?? 0) * 1.2);
    await pass(30_000);
    await notifier.step();
    const posts = await receiver.posts.count(3);
    expect(new Set(posts.map((post) => post.headers['idempotency-key']))).toEqual(new Set([id]));
    expect(new Set(posts.map((post) => post.text)).size).toBe(1);
    expect(posts.every((post) => isSigned(post, 'hush'))).toBe(true);
    expect(await stateOf(id)).toMatchObject({ state: 'sent', attempts: 3, last_error: null });
    expect(counted).toEqual(['webhook retried', 'webhook retried', 'webhook sent']);
  });

  test('that says when to come back is believed', async () => {
    const id = await queue(await makeRule());
    receiver.answers.push({ status: 429, headers: { 'retry-after': '120' } });
    await notifier.step();
    expect((await stateOf(id))?.wait_s).toBeGreaterThan(110);
  });

  test.each([
    [400, 'answered 400'],
    [404, 'answered 404'],
    [301, 'answered 301, and redirects are not followed'],
  ])('that answers %i is not asked again', async (status, reason) => {
    const id = await queue(await makeRule());
    receiver.answers.push({ status, headers: { location: receiver.url } });
    await notifier.step();
    expect(await stateOf(id)).toEqual({ state: 'failed', attempts: 1, last_error: reason, wait_s: null });
    expect(receiver.posts.all).toHaveLength(1);
  });

  test('that is down for a day is given up, and the row says so', async () => {
    const id = await queue(await makeRule({ url: 'http://127.0.0.1:1/' }));
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'queued', last_error: 'host refuses the connection' });
    await pass(DAY_MS);
    await store.sql(`update notices set created_at = created_at - interval '1 day'`);
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'failed', last_error: 'given up after a day: host refuses the connection' });
  });

  test('is told of a recovery only after the outage before it', async () => {
    const rule = await makeRule();
    receiver.answers.push({ status: 500 });
    await queue(rule);
    await queue(rule, { kind: 'recovery' });
    for (let step = 0; step < 3; step += 1) await notifier.step();
    expect(receiver.posts.all.map((post) => post.body.type)).toEqual(['outage']);
    await pass(10_000);
    for (let step = 0; step < 3; step += 1) await notifier.step();
    expect(receiver.posts.all.map((post) => post.body.type)).toEqual(['outage', 'outage', 'recovery']);
  });

  test('is told by whoever comes next when a process died with the notice; the dead one settles nothing', async () => {
    const rule = await makeRule();
    const id = await queue(rule);
    const [dead] = await store.database.run(takeNotices, { most: 10, leaseMs: LEASE_MS });
    await notifier.step();
    expect(receiver.posts.all).toHaveLength(0);
    await pass(LEASE_MS + 1000);
    receiver.answers.push({ status: 500 });
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'queued', attempts: 2 });
    const late = await store.database.run(settleNotice, { id, attempt: dead?.attempt ?? 0, state: 'sent', reason: null, delayMs: 0 });
    expect(late).toEqual([]);
    expect(await stateOf(id)).toMatchObject({ state: 'queued', attempts: 2 });
  });

  test('is told once though several notifiers run', async () => {
    const rule = await makeRule();
    for (let index = 0; index < 10; index += 1) await queue(rule);
    const all = Array.from({ length: 4 }, () => makeNotifier(mailer));
    for (let round = 0; round < 12; round += 1) await Promise.all(all.map((each) => each.step()));
    const keys = receiver.posts.all.map((post) => post.headers['idempotency-key']);
    expect(keys).toHaveLength(10);
    expect(new Set(keys).size).toBe(10);
  });

  test('that the rule has lost is not told', async () => {
    const rule = await makeRule();
    const id = await queue(rule);
    await store.sql('update alert_rules set webhook_url = null');
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'dropped', last_error: expect.stringContaining('does not name this addressee') });
    expect(receiver.posts.all).toHaveLength(0);
  });

  test.each(['http://169.254.169.254/latest', 'http://10.1.2.3/', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/'])(
    'may not lead to %s',
    async (url) => {
      const id = await queue(await makeRule({ url }));
      await notifier.step();
      expect(await stateOf(id)).toMatchObject({ state: 'failed', last_error: expect.stringContaining('set WEBHOOK_ALLOW to permit it') });
    },
  );
});

describe('an email', () => {
  const to = 'ops@example.test';

  test('says which screens are meant, and carries the id of the notice', async () => {
    const rule = await makeRule({ emails: [to] });
    const id = await queue(rule, { way: 'email', target: to, screens: 2000 });
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'sent', attempts: 1 });
    const mail = mails.mails.all.at(-1);
    expect(mail).toMatchObject({ from: 'alerts@example.test', to: [to] });
    expect(mail?.text).toContain(`Message-ID: <${id}@marquee>`);
    expect(mail?.text).toContain('Subject: [Marquee] 2000 screens offline (Shop <windows>)');
    expect(mail?.text).toContain('lobby-1 (lobby)  since 2026-09-21 14:13:20 UTC');
    expect(mail?.text).toContain('and 1999 more');
    expect(mail?.text).toContain('http://marquee.test/console/alerts');
    expect(mail?.text).toContain('Content-Type: text/plain');
  });

  test('waits for a mail server that is busy', async () => {
    const id = await queue(await makeRule({ emails: [to] }), { way: 'email', target: to });
    mails.busyFor = 1;
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'queued', attempts: 1, last_error: expect.stringContaining('busy') });
    await pass(10_000);
    await notifier.step();
    expect(await stateOf(id)).toMatchObject({ state: 'sent', attempts: 2 });
  });

  test('to a mailbox that there is not is not tried again; the other addressees have theirs', async () => {
    const rule = await makeRule({ emails: ['refused@example.test', to] });
    const refused = await queue(rule, { way: 'email', target: 'refused@example.test' });
    const taken = await queue(rule, { way: 'email', target: to });
    await notifier.step();
    expect(await stateOf(refused)).toMatchObject({ state: 'failed', last_error: expect.stringContaining('no such mailbox') });
    expect(await stateOf(taken)).toMatchObject({ state: 'sent' });
  });

  test('is dropped where there is no mail server, and says why', async () => {
    const id = await queue(await makeRule({ emails: [to] }), { way: 'email', target: to });
    await makeNotifier(undefined).step();
    expect(await stateOf(id)).toMatchObject({ state: 'dropped', last_error: NO_MAILER });
    expect(NO_MAILER).toContain('SMTP_URL');
  });
});

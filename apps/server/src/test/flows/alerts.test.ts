import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isSigned, MailReceiver, WebhookReceiver } from '../support/alerts.js';
import { EventStream } from '../support/event-stream.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

let mails: MailReceiver;
let flow: Flow;
let hook: WebhookReceiver;

beforeAll(async () => {
  mails = await MailReceiver.start();
  flow = await Flow.start({ SMTP_URL: mails.url, ALERT_FROM: 'Marquee <alerts@example.test>' });
});
afterAll(async () => {
  await flow?.stop();
  await mails.stop();
});
beforeEach(async () => {
  hook = await WebhookReceiver.start();
});
afterEach(() => hook.stop());

/** The least grace is 10 s; a test has no time for it. */
const GRACE_MS = 1000;

async function makeRule(body: Record<string, unknown> = {}): Promise<string> {
  const answer = await flow.http.post('/alert-rules', { name: 'Rule', webhook: { url: hook.url, secret: 'hush' }, ...body });
  expect(answer.status, answer.text).toBe(201);
  const { id } = answer.json() as { id: string };
  await flow.sql('update alert_rules set grace_ms = $1, next_look_at = now() where id = $2', [GRACE_MS, id]);
  return id;
}

async function openOf(deviceId: string): Promise<unknown[]> {
  return (await flow.http.read(`/alerts?state=open&deviceId=${deviceId}`)).data;
}

describe('a screen that goes', () => {
  test('is told of after the grace, by the page, webhook, email and live feed; and again when it is back', async () => {
    const rule = await makeRule({ audience: { ids: ['lobby-1'] }, emails: ['ops@example.test'] });
    const screen = await flow.screen('lobby-1');
    await eventually(async () => expect((await flow.http.read('/screens/lobby-1')).status).toBe('online'));
    const stream = await EventStream.open(`${flow.server.url}/campaigns/events`);
    await screen.vanish();
    await stream.first((event) => event.event === 'alerts');
    const outage = await hook.posts.first();
    expect(outage.body).toMatchObject({
      type: 'outage',
      ruleId: rule,
      rule: 'Rule',
      screens: [{ deviceId: 'lobby-1', groupId: null }],
      more: 0,
    });
    expect(isSigned(outage, 'hush')).toBe(true);
    expect(outage.body.at - (outage.body.screens[0]?.since ?? 0)).toBeGreaterThanOrEqual(GRACE_MS);
    expect(await openOf('lobby-1')).toMatchObject([{ ruleId: rule, ruleName: 'Rule', state: 'open', noticed: true, closedAt: null }]);
    expect((await flow.http.read(`/alert-rules/${rule}`)).openOutages).toBe(1);
    await mails.mails.first((mail) => mail.to[0] === 'ops@example.test' && mail.text.includes('lobby-1 offline'));

    await flow.screen('lobby-1');
    const recovery = await hook.posts.first((post) => post.body.type === 'recovery');
    expect(recovery.body.screens).toEqual([{ ...outage.body.screens[0], until: expect.any(Number) }]);
    await mails.mails.first((mail) => mail.text.includes('lobby-1 back online'));
    expect(await openOf('lobby-1')).toEqual([]);
    expect((await flow.http.read('/alerts?deviceId=lobby-1')).data).toMatchObject([{ state: 'closed', endedBy: 'back' }]);
    await eventually(async () => {
      const { data } = await flow.http.read(`/notices?ruleId=${rule}`);
      expect(
        data.map((notice: Record<string, unknown>) => [notice['kind'], notice['way'], notice['state'], notice['screens']]).sort(),
      ).toEqual([
        ['outage', 'email', 'sent', 1],
        ['outage', 'webhook', 'sent', 1],
        ['recovery', 'email', 'sent', 1],
        ['recovery', 'webhook', 'sent', 1],
      ]);
    });
    const metrics = (await flow.http.get('/metrics')).text;
    expect(metrics).toMatch(/marquee_notices_total\{way="webhook",result="sent"\} 2/);
    expect(metrics).toMatch(/marquee_open_outages \d/);
    stream.close();
  });

  test('stays told of once when the server restarts in the outage, and the one that was online all the while is not told of', async () => {
    await makeRule({ audience: { ids: ['gone', 'stays'] } });
    const gone = await flow.screen('gone');
    await flow.screen('stays');
    await eventually(async () => expect((await flow.http.read('/screens?status=online&q=s')).total).toBeGreaterThan(0));
    await eventually(async () => expect((await flow.http.read('/screens/gone')).status).toBe('online'));
    await gone.vanish();
    await hook.posts.first();
    // The screen that stays comes back, within a grace that no restart outlasts.
    await flow.sql(`update alert_rules set grace_ms = 60000 where name = 'Rule'`);
    await flow.restart();
    await flow.screen('stays');
    await eventually(async () => expect((await flow.http.read('/screens/stays')).status).toBe('online'));
    await flow.sql(`update alert_rules set grace_ms = $1, next_look_at = now(), full_look_at = now() where name = 'Rule'`, [GRACE_MS]);
    await flow.screen('gone');
    const recovery = await hook.posts.first((post) => post.body.type === 'recovery');
    expect(recovery.body.screens.map((screen) => screen.deviceId)).toEqual(['gone']);
    expect(hook.posts.all.map((post) => post.body.type)).toEqual(['outage', 'recovery']);
  });

  test('while it is snoozed is on the page only, and told of when the snooze ends', async () => {
    await makeRule({ audience: { ids: ['quiet'] } });
    const screen = await flow.screen('quiet');
    await eventually(async () => expect((await flow.http.read('/screens/quiet')).status).toBe('online'));
    const snoozed = await flow.http.post('/screens/quiet/snooze', { forMs: 3_600_000 });
    expect(snoozed.status, snoozed.text).toBe(200);
    const { until } = snoozed.json() as { until: number };
    expect(Math.abs(until - Date.now() - 3_600_000)).toBeLessThan(10_000);
    expect(await flow.http.read('/screens/quiet/snooze')).toEqual({ until });
    await screen.vanish();
    await eventually(async () => expect(await openOf('quiet')).toMatchObject([{ snoozedUntil: until, noticed: false }]));
    expect(hook.posts.all).toHaveLength(0);
    expect((await flow.http.send('DELETE', '/screens/quiet/snooze')).status).toBe(204);
    expect((await hook.posts.first()).body).toMatchObject({ type: 'outage', screens: [{ deviceId: 'quiet' }] });
    expect(await flow.http.read('/screens/quiet/snooze')).toEqual({ until: null });
  });
});

describe('the rules', () => {
  test('begin with one for all screens that tells the page only', async () => {
    const fresh = await Flow.start();
    try {
      const { data, total } = await fresh.http.read('/alert-rules');
      expect(total).toBe(1);
      expect(data).toMatchObject([
        { name: 'All screens', audience: { all: true }, graceMs: 300_000, webhook: null, emails: [], enabled: true, snoozedUntil: null },
      ]);
      expect((await fresh.http.send('DELETE', `/alert-rules/${data[0].id}`)).status).toBe(204);
      expect((await fresh.http.read('/alert-rules')).total).toBe(0);
      const unmailed = await fresh.http.post('/alert-rules', { name: 'x', emails: ['a@example.test'] });
      expect(unmailed.json().warnings).toEqual(['emails are not sent: SMTP_URL is not set']);
    } finally {
      await fresh.stop();
    }
  });

  test('are made, read, set and forgotten, and never say their secret', async () => {
    const made = await flow.http.post('/alert-rules', {
      name: ' Shops ',
      audience: { groups: ['shop'] },
      graceMs: 60_000,
      webhook: { url: 'https://hook.example.test/x', secret: 'hush-hush' },
      emails: ['a@example.test', 'A@example.test'],
    });
    expect(made.status, made.text).toBe(201);
    const rule = made.json() as { id: string };
    const expected = {
      name: 'Shops',
      graceMs: 60_000,
      webhook: { url: 'https://hook.example.test/x', hasSecret: true },
      emails: ['A@example.test'],
    };
    expect(rule).toMatchObject(expected);
    expect((await flow.http.read('/alert-rules')).data).toContainEqual(rule);
    const path = `/alert-rules/${rule.id}`;
    const set = await flow.http.send('PUT', path, {
      body: { name: 'Shops', webhook: { url: 'https://other.example.test/' }, enabled: false },
    });
    expect(set.json()).toMatchObject({
      graceMs: 300_000,
      webhook: { url: 'https://other.example.test/', hasSecret: true },
      enabled: false,
    });
    expect(await flow.sql('select webhook_secret from alert_rules where id = $1', [rule.id])).toEqual([{ webhook_secret: 'hush-hush' }]);
    const open = await flow.http.send('PUT', path, {
      body: { name: 'Shops', webhook: { url: 'https://other.example.test/', secret: null } },
    });
    expect(open.json().webhook).toEqual({ url: 'https://other.example.test/', hasSecret: false });
    const texts = [made.text, set.text, (await flow.http.get('/alert-rules')).text].join('');
    expect(texts).not.toContain('hush-hush');
    const until = Date.now() + 60_000;
    expect((await flow.http.post(`${path}/snooze`, { until })).json()).toEqual({ until });
    expect((await flow.http.read(path)).snoozedUntil).toBe(until);
    expect((await flow.http.send('DELETE', `${path}/snooze`)).status).toBe(204);
    expect((await flow.http.read(path)).snoozedUntil).toBe(null);
    expect((await flow.http.send('DELETE', path)).status).toBe(204);
    expectProblem(await flow.http.get(path), 404, 'NOT_FOUND');
    expectProblem(await flow.http.send('DELETE', path), 404, 'NOT_FOUND');
  });

  test('can be tried: a test notice goes to everyone whom the rule tells', async () => {
    const rule = await makeRule({ audience: { ids: ['nobody'] }, emails: ['try@example.test'] });
    expect((await flow.http.post(`/alert-rules/${rule}/test`)).json()).toEqual({ notices: 2 });
    const post = await hook.posts.first();
    expect(post.body).toMatchObject({ type: 'test', screens: [], more: 0 });
    expect(isSigned(post, 'hush')).toBe(true);
    await mails.mails.first((mail) => mail.to[0] === 'try@example.test');
    const silent = await makeRule({ webhook: null });
    expectProblem(await flow.http.post(`/alert-rules/${silent}/test`), 409, 'CONFLICT');
  });

  test.each<[string, unknown, RegExp]>([
    ['no name', {}, /name/],
    ['a grace below 10 s', { name: 'x', graceMs: 9999 }, /graceMs/],
    ['a broken audience', { name: 'x', audience: { groups: [] } }, /audience/],
    ['a webhook that is no web address', { name: 'x', webhook: { url: 'file:///etc/passwd' } }, /webhook\.url/],
    ['a webhook with credentials', { name: 'x', webhook: { url: 'https://a:b@c.example/' } }, /webhook\.url/],
    ['an address that is none', { name: 'x', emails: ['a@b.example', 'a\r\nBcc: c@d.example'] }, /emails/],
    ['too many addresses', { name: 'x', emails: Array.from({ length: 51 }, (_, index) => `a${index}@b.example`) }, /emails/],
  ])('refuse %s and name the field', async (_, body, field) => {
    const before = (await flow.http.read('/alert-rules')).total;
    expect(expectProblem(await flow.http.post('/alert-rules', body), 400, 'VALIDATION_FAILED')).toMatch(field);
    expect((await flow.http.read('/alert-rules')).total).toBe(before);
  });

  test.each<[string, unknown]>([
    ['/screens/lobby-1/snooze', {}],
    ['/screens/lobby-1/snooze', { until: 1 }],
    ['/screens/lobby-1/snooze', { forMs: 0 }],
    ['/screens/lobby-1/snooze', { forMs: 1000, until: 1 }],
    ['/screens/lobby-1/snooze', { until: 9e15 }],
  ])('refuse to snooze %s by %j', async (path, body) => {
    expectProblem(await flow.http.post(path, body), 400, 'VALIDATION_FAILED');
  });

  test('know no other screen and no other rule', async () => {
    const none = '0192f0c1-2f5e-7cc0-8000-000000000000';
    expectProblem(await flow.http.post('/screens/unknown/snooze', { forMs: 1000 }), 404, 'NOT_FOUND');
    expectProblem(await flow.http.send('DELETE', '/screens/unknown/snooze'), 404, 'NOT_FOUND');
    expectProblem(await flow.http.get('/screens/unknown/snooze'), 404, 'NOT_FOUND');
    expectProblem(await flow.http.post(`/alert-rules/${none}/snooze`, { forMs: 1000 }), 404, 'NOT_FOUND');
    expectProblem(await flow.http.send('PUT', `/alert-rules/${none}`, { body: { name: 'x' } }), 404, 'NOT_FOUND');
    expectProblem(await flow.http.get('/alerts?state=ajar'), 400, 'VALIDATION_FAILED');
    expectProblem(await flow.http.get('/alerts?ruleId=1'), 400, 'VALIDATION_FAILED');
    expectProblem(await flow.http.get('/notices?cursor=AAAA'), 400, 'VALIDATION_FAILED');
  });
});

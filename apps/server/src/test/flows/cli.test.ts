import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeliveryDetail, DeliveryView, Page } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { marquee, type Ran } from '../support/marquee.js';

let flow: Flow;
let folder: string;
beforeAll(async () => {
  flow = await Flow.start({ DISPATCH_BATCH: '20', RECONCILE_INTERVAL_MS: '50', WORKER_NAME: 'the-worker' });
  folder = await mkdtemp(join(tmpdir(), 'marquee-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await flow.stop();
});

/** A command against the running server. */
function run(...args: string[]): Promise<Ran> {
  return marquee(args, { MARQUEE_URL: flow.server.url });
}

/** The same, to be done; what it printed. */
async function done(...args: string[]): Promise<string> {
  const ran = await run(...args);
  expect(ran, args.join(' ')).toMatchObject({ code: 0 });
  return ran.stdout.trim();
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** Creates a rehearsal from a file, as a user does; answers its id. */
async function create(more: object = {}): Promise<string> {
  const body = { name: 'A rehearsal', idempotencyKey: randomUUID(), channel: 'null', audience: { count: 60 }, ...more };
  return await done('campaigns', 'create', await file('campaign.json', JSON.stringify(body)));
}

async function ended(id: string): Promise<void> {
  await eventually(async () => expect(await flow.http.read(`/campaigns/${id}`)).toMatchObject({ status: 'completed' }));
}

// Each command is a process of its own, a second or two on a machine that has other work.
describe('marquee', { timeout: 180_000 }, () => {
  test('creates a campaign, runs it, tells of each delivery, and retries what failed', async () => {
    const id = await create({ content: { failureRate: 1 } });
    expect(await done('campaigns', 'list')).toContain(`${id}  ready`);
    expect(await done('campaigns', 'dispatch', id)).toMatch(/^started: execution /);
    await ended(id);
    expect(await done('campaigns', 'show', id)).toMatch(/^FAILED: +60$/m);
    expect(await done('executions', 'list', '--campaign', id)).toContain('COMPLETED');
    const page = JSON.parse(await done('deliveries', 'list', id, '--status', 'FAILED', '--limit', '1', '--json')) as Page<DeliveryView>;
    expect(page).toMatchObject({ total: 60, data: [{ status: 'FAILED', attempt: 1 }] });
    const [delivery] = page.data;
    expect(await done('campaigns', 'retry', id, '--scope', 'failed')).toMatch(/^60 deliveries are sent again/);
    await ended(id);
    const trace = await done('trace', delivery?.id ?? '');
    expect(trace.split('\n').map((line) => /Z {2}(\w+)/.exec(line)?.[1])).toEqual([
      undefined,
      'targeted',
      'claimed',
      'begun',
      'sent',
      'settled',
      'retried',
      'claimed',
      'begun',
      'sent',
      'settled',
    ]);
    expect(trace).toMatch(/settled +attempt 2, epoch 0, by the-worker → FAILED: a failure as the rehearsal asked for$/m);
    const detail = JSON.parse(await done('deliveries', 'show', delivery?.id ?? '', '--json')) as DeliveryDetail;
    expect(detail.timeline.at(-1)).toMatchObject({ what: 'settled', attempt: 2, outcome: 'FAILED' });
    expect(await done('executions', 'show', detail.executionId)).toMatch(/^state: +COMPLETED$/m);
  });

  test('pauses, resumes and cancels', async () => {
    const id = await create({ audience: { count: 20_000 }, content: { latencyMs: 200 } });
    await done('campaigns', 'dispatch', id);
    expect(await done('campaigns', 'pause', id, '--wait', '10000')).toBe('paused in epoch 0; 0 sends are still under way');
    expect(JSON.parse(await done('campaigns', 'resume', id, '--json'))).toMatchObject({ resumed: true, epoch: 1 });
    expect(await done('campaigns', 'cancel', id)).toBe(`cancelled: ${id}`);
  });

  test('lists and shows screens', async () => {
    await flow.register('lobby-1', 'lobby-2');
    expect(await done('screens', 'list', '--search', 'lobby-1')).toMatch(/^DEVICE .*\nlobby-1 +offline/);
    expect(await done('screens', 'show', 'lobby-2')).toMatch(/^device: +lobby-2$/m);
  });

  test('imports contacts, and says which lines it could not take', async () => {
    const good = await file('good.csv', 'id,email,tags\na,a@b.example,x\nb,b@b.example,\n');
    expect(await done('contacts', 'import', good)).toBe('2 imported, 0 updated, 0 unchanged, 0 rejected');
    const bad = await file('some.txt', '{"id":"a","email":"new@b.example"}\n{"id":\n');
    expect(await run('contacts', 'import', bad)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--format') });
    const partly = await run('contacts', 'import', bad, '--format', 'ndjson');
    expect(partly).toMatchObject({ code: 1, stdout: '0 imported, 1 updated, 0 unchanged, 1 rejected\n' });
    expect(partly.stderr).toMatch(/^line 2: .+\n$/);
    expect(await done('contacts', 'list')).toMatch(/^a +new@b\.example/m);
  });

  test('reads a campaign from standard input, and a page where the one before ended', async () => {
    const body = { name: 'Typed', idempotencyKey: randomUUID(), channel: 'null', audience: { count: 1 } };
    const ran = await marquee(['campaigns', 'create', '-', '--url', `${flow.server.url}/`], {}, JSON.stringify(body));
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const first = await run('campaigns', 'list', '--limit', '1');
    expect(first.stdout).toContain(ran.stdout.trim());
    const cursor = /--cursor (\S+)/.exec(first.stderr)?.[1] ?? '';
    expect(await done('campaigns', 'list', '--limit', '1', '--cursor', cursor)).not.toContain(ran.stdout.trim());
  });
});

describe('what cannot be done ends with its exit code and one sentence', { timeout: 180_000 }, () => {
  test.each([
    [['campaigns', 'show', randomUUID()], 3, /^There is no campaign .*\.\n$/],
    [['trace', randomUUID()], 3, /^There is no delivery .*\.\n$/],
    [['screens', 'show', 'nobody'], 3, /^There is no screen nobody\.\n$/],
    [['campaigns', 'show', 'x'], 2, /^Id: must be a UUID\.\n$/],
    [['campaigns', 'show'], 2, /missing required argument 'id'/],
    [['campaigns', 'list', '--limit', '1000'], 2, /^Limit: /],
    [['campaigns', 'create', '/no/such/file'], 2, /^\/no\/such\/file cannot be read: /],
    [['contacts', 'import', '/'], 2, /^\/ is no file\.\n$/],
    [['campaigns', 'list', '--url', 'ftp://x'], 2, /^ftp:\/\/x is no http or https URL\.\n$/],
    [['campaigns', 'list', '--url', 'http://127.0.0.1:9'], 1, /^Nothing answers at http:\/\/127\.0\.0\.1:9 /],
    [['nonsense'], 2, /unknown command/],
  ])('%j', async (args, code, stderr) => {
    expect(await run(...args)).toEqual({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  test('a state that does not allow it', async () => {
    const id = await create();
    expect(await run('campaigns', 'resume', id)).toMatchObject({ code: 3, stderr: 'The campaign is not paused.\n' });
  });

  test('a server that is not Marquee, whatever it answers', async () => {
    const answers: [number, string][] = [
      [200, '{"data": 1}'],
      [404, '<h1>Not found</h1>'],
    ];
    let answer = answers[0];
    const other: Server = createServer((_, response) => response.writeHead(answer?.[0] ?? 0).end(answer?.[1]));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (answer of answers)
      expect(await marquee(['campaigns', 'list', '--url', url])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(url),
      });
    await new Promise((resolve) => other.close(resolve));
  });

  test('names from outside do not steer the terminal', async () => {
    const id = await create({ name: 'red \u001b[31malert\u0007' });
    const shown = await done('campaigns', 'show', id);
    expect(shown).toContain('red  [31malert');
    expect(await done('campaigns', 'list')).not.toContain('\u001b');
  });
});

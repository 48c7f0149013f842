import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { manifest, TestBroker } from './test/broker.js';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
let broker: TestBroker;

beforeEach(async () => {
  broker = await TestBroker.start();
});
afterEach(() => broker.stop());

function run(...options: string[]) {
  const child = spawn(process.execPath, [CLI, '--broker', broker.url, ...options]);
  const output = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (output.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output.err += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return { child, ended };
}

test('Ctrl-C says that every screen is offline and ends with 0', async () => {
  const { child, ended } = run('--screens', '12', '--ack-delay', '0');
  await broker.until('status', 12, { status: 'online' });
  await broker.tell('sim-00003', 'notifications', manifest());
  await broker.until('acks', 1, { deviceId: 'sim-00003' });
  child.kill('SIGINT');
  await broker.until('status', 12, { status: 'offline' });
  const { code, out } = await ended;
  expect(code).toBe(0);
  expect(out).toContain(`12 screens on 1 connections to ${broker.url} are online`);
  expect(out).toContain('1 acknowledged');
});

test('--json prints nothing but JSON, with the counts at the end', async () => {
  const { code, out } = await run('--screens', '4', '--seconds', '1', '--json', '--offline', '25%').ended;
  expect(code).toBe(0);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({ final: true, online: 0, manifests: 0 });
  expect(broker.find('status', { status: 'online' })).toHaveLength(3);
});

test('a wrong option is a sentence that names it, and no screen appears', async () => {
  const wrong = [
    ['--screens', 'x'],
    ['--drop', '101%'],
    ['--ack-delay', '9-1'],
    ['--connections', 'some'],
    ['--broker', 'here'],
  ];
  const results = await Promise.all(wrong.map((options) => run(...options).ended));
  for (const [index, { code, err }] of results.entries()) {
    expect(code).toBe(1);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toContain(wrong[index]?.[0]);
  }
  expect(broker.heard).toHaveLength(0);
});

test('--group puts the screens into the registry before they appear', async () => {
  const asked: { path: string; lines: unknown[]; seen: number }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await request.toArray()).join('');
    const lines = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    asked.push({ path: request.url ?? '', lines, seen: broker.heard.length });
    response.end(JSON.stringify({ imported: lines.length, updated: 0, rejected: [] }));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code } = await run('--screens', '2', '--offline', '50%', '--group', 'lobby', '--api', api, '--seconds', '1').ended;
  server.close();
  expect(code).toBe(0);
  expect(asked).toEqual([
    {
      path: '/screens/import',
      lines: [
        { deviceId: 'sim-00001', groupId: 'lobby' },
        { deviceId: 'sim-00002', groupId: 'lobby' },
      ],
      seen: 0,
    },
  ]);
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { freePort } from '../packages/testing/src/free-port.js';

const folder = mkdtempSync(join(tmpdir(), 'marquee-demo-'));
// As root, the database is run by another user, who must be able to enter.
chmodSync(folder, 0o755);
const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a script of the repository away from its own settings and data, and lets a test read what it says. */
function start(script: string, settings: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], {
    cwd: folder,
    env: { PATH: process.env['PATH'], DATA_DIR: join(folder, 'data'), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let said = '';
  const heard = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      for (const listener of heard) listener();
    });
  const says = (expected: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = expected.exec(said);
        if (match === null) return;
        heard.delete(look);
        resolve(match);
      };
      heard.add(look);
      child.once('close', () => reject(new Error(`it ended without saying ${expected}:\n${said}`)));
      look();
    });
  return { child, says, ended: once(child, 'close') as Promise<[number | null, string | null]>, said: () => said };
}

it('shows a campaign on 50 screens, and Ctrl-C ends all of it', { timeout: 300_000 }, async () => {
  const [port, mqttPort, mqttWsPort] = [String(await freePort()), String(await freePort()), String(await freePort())];
  const demo = start('./demo.mjs', { PORT: port, MQTT_PORT: mqttPort, MQTT_WS_PORT: mqttWsPort, LOG_LEVEL: 'warn' });
  const [, page = ''] = await demo.says(/watch it arrive +(http\S+)/);
  await demo.says(/50 acknowledged/);

  const counts = async () => {
    const campaign = await (await fetch(page.replace('/console/', '/'))).json();
    return (campaign as { counts: Record<string, number> }).counts;
  };
  // What a screen has sent is stored a moment later.
  await expect.poll(counts).toMatchObject({ SUCCESS: 50, acknowledged: 50, FAILED: 0 });
  const [, player = ''] = await demo.says(/be a screen +(http\S+)/);
  expect((await fetch(player)).headers.get('content-type')).toContain('text/html');
  const [, code = ''] = await demo.says(/follow its code +(http\S+)/);
  expect((await fetch(code, { redirect: 'manual' })).headers.get('location')).toBe(`http://127.0.0.1:${port}/console/clicks`);
  const clicked = async () => ((await (await fetch(`http://127.0.0.1:${port}/clicks/stats`)).json()) as { total: object }).total;
  await expect.poll(clicked).toMatchObject({ raw: 1 });

  demo.child.kill('SIGINT');
  // Its streams end when the last process that writes to them does, so that the screens are gone as well.
  expect(await demo.ended).toEqual([0, null]);
});

it('says in one sentence what is wrong with a setting', { timeout: 180_000 }, async () => {
  const server = start('./start.mjs', { PORT: '99999' });
  expect(await server.ended).toEqual([1, null]);
  // A source that changed since the tests were started is built first, in a line of its own.
  expect(server.said().replace(/^built .*\n/, '')).toBe('PORT must be a port from 0 to 65535, not "99999".\n');
});

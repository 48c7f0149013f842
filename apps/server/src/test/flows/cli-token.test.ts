import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, clickBody } from '../support/click-client.js';
import { Flow } from '../support/flow.js';
import { marquee } from '../support/marquee.js';

let flow: Flow;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-token-'));
  flow = await Flow.start({ JWT_ISSUER: 'the tests', JWT_AUDIENCE: 'marquee' });
}, 120_000);
afterAll(async () => {
  await flow.stop();
  await rm(folder, { recursive: true, force: true });
});

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

describe('marquee token', { timeout: 90_000 }, () => {
  test('makes one that the server on the same DATA_DIR takes, for whose clicks it says and for so long', async () => {
    const settings = { DATA_DIR: flow.server.dataDir, JWT_ISSUER: 'the tests', JWT_AUDIENCE: 'marquee' };
    const ran = await marquee(['token', '--sub', 'trial user', '--expires', '2h'], settings);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const token = ran.stdout.trim();
    const { exp, ...claims } = claimsOf(token);
    expect(claims).toMatchObject({ sub: 'trial user', iss: 'the tests', aud: 'marquee' });
    expect(Math.abs(Number(exp) - Date.now() / 1000 - 7200)).toBeLessThan(120);
    expect((await flow.http.post('/ads/clicks', clickBody({ adId: 'token' }), bearer(token))).status).toBe(200);
    await expect.poll(() => flow.sql(`select uid from clicks where ad_id = 'token'`), { timeout: 20_000 }).toEqual([{ uid: 'trial user' }]);
  });

  test('signs with JWT_SECRET where it is set: another server takes it not', async () => {
    const ran = await marquee(['token', '--sub', 'x'], { DATA_DIR: folder, JWT_SECRET: 'another secret, as long as it has to be' });
    expect(ran.code).toBe(0);
    expect((await flow.http.post('/ads/clicks', clickBody(), bearer(ran.stdout.trim()))).status).toBe(401);
  });

  test('says what is wrong with its options, and where it can make none', async () => {
    for (const [args, said] of [
      [['--sub', 'x', '--expires', 'soon'], '--expires must be a duration'],
      [['--sub', 'x', '--expires', '0s'], '--expires must be a duration'],
      [['--sub', ''], '--sub must have 1 to 256 characters'],
      [['--sub', 'x'.repeat(257)], '--sub must have 1 to 256 characters'],
    ] as const) {
      const ran = await marquee(['token', ...args], { DATA_DIR: folder });
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain(said);
    }
    const none = await marquee(['token', '--sub', 'x'], { DATA_DIR: folder, JWKS_URL: 'https://keys.example/jwks.json' });
    expect(none).toMatchObject({ code: 3, stdout: '' });
    expect(none.stderr).toContain('JWKS_URL alone');
  });
});

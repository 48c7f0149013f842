import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { readCode } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scanCode } from '../../kit/scan-codes.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import { ScanTargets } from './scan-targets.js';

interface Made {
  campaign: string;
  asset: string;
  number: number;
  key: Buffer;
}

describe('where a code leads', () => {
  let store: TestStore;
  let now = 0;
  let targets: ScanTargets;
  beforeAll(async () => {
    store = await openTestStore();
    targets = new ScanTargets(store.database, () => now);
    await store.sql(`insert into devices (device_id) values ('lobby-1'), ('lobby-2')`);
  });
  afterAll(() => store.close());

  async function campaign(clickUrl: string | null = 'https://shop.example/spring?x=1'): Promise<Made> {
    const [id, asset] = [randomUUID(), randomUUID()];
    await store.sql(
      `insert into campaigns (id, name, start_at, expire_at, status, idempotency_key, click_url) values ($1, 'Spring', 0, 1, 'active', $2, $3)`,
      [id, randomUUID(), clickUrl],
    );
    const [row] = await store.sql<{ number: string; code_key: Buffer }>(
      `with made as (insert into campaign_assets (id, campaign_id, position, asset_type, url) values ($1, $2, 0, 'image', 'x') returning number)
       select number, (select code_key from campaigns where id = $2) from made`,
      [asset, id],
    );
    if (row === undefined) throw new Error('nothing was made');
    return { campaign: id, asset, number: Number(row.number), key: row.code_key };
  }
  const later = () => {
    now += 2_000;
  };

  test('the asset, its campaign, the screen that drew it and the target', async () => {
    const { campaign: campaignId, asset: assetId, number, key } = await campaign();
    const target = { url: 'https://shop.example/spring?x=1', campaignId, assetId, assetType: 'image' };
    expect(await targets.find(scanCode(key, number))).toEqual({ ...target, deviceId: undefined });
    expect(await targets.find(scanCode(key, number, 'lobby-2'))).toEqual({ ...target, deviceId: 'lobby-2' });
  });

  test('a screen that is not registered is not named', async () => {
    const { number, key } = await campaign();
    expect(await targets.find(scanCode(key, number, 'stranger'))).toMatchObject({ deviceId: undefined });
  });

  test('every campaign has a key of its own, which makes no code of another', async () => {
    const [one, other] = [await campaign(), await campaign()];
    expect(one.key).not.toEqual(other.key);
    expect(await targets.find(scanCode(one.key, other.number))).toBeUndefined();
    expect(await targets.find(scanCode(one.key, other.number, 'lobby-1'))).toBeUndefined();
  });

  test('a code that was altered anywhere leads nowhere', async () => {
    const { number, key } = await campaign();
    const code = scanCode(key, number, 'lobby-1');
    for (let place = 0; place < code.length; place += 1)
      expect(await targets.find(code.slice(0, place) + (code[place] === 'x' ? 'y' : 'x') + code.slice(place + 1))).toBeUndefined();
    expect(await targets.find(`${code}A`)).toBeUndefined();
    expect(await targets.find(code.slice(0, -1))).toBeUndefined();
  });

  test('the code of a screen does not pass for one without', async () => {
    const { number, key } = await campaign();
    const whole = readCode(scanCode(key, number, 'lobby-1'));
    const plain = readCode(scanCode(key, number));
    if (whole === undefined || plain === undefined) throw new Error('no code');
    expect(await targets.find(Buffer.concat([plain.signed, whole.mac]).toString('base64url'))).toBeUndefined();
    const guessed = createHmac('sha256', randomBytes(16)).update(plain.signed).digest().subarray(0, 6);
    expect(await targets.find(Buffer.concat([plain.signed, guessed]).toString('base64url'))).toBeUndefined();
  });

  test('an edit of the target, a cancel and a deletion take effect within two seconds', async () => {
    const { campaign: id, number, key } = await campaign();
    const code = scanCode(key, number);
    const url = async () => (await targets.find(code))?.url;
    expect(await url()).toBe('https://shop.example/spring?x=1');
    await store.sql(`update campaigns set click_url = 'https://shop.example/été' where id = $1`, [id]);
    later();
    expect(await url()).toBe('https://shop.example/%C3%A9t%C3%A9');
    await store.sql(`update campaigns set status = 'completed' where id = $1`, [id]);
    later();
    expect(await url()).toBeDefined();
    await store.sql(`update campaigns set status = 'cancelled' where id = $1`, [id]);
    later();
    expect(await url()).toBeUndefined();
    await store.sql(`delete from campaigns where id = $1`, [id]);
    later();
    expect(await url()).toBeUndefined();
  });

  test('a campaign that leads nowhere has no codes', async () => {
    const { number, key } = await campaign(null);
    expect(await targets.find(scanCode(key, number))).toBeUndefined();
  });

  test('while the database is away, what was scanned in the last ten minutes still leads on, and it is asked once in two seconds', async () => {
    const { number, key } = await campaign();
    const away = { down: false, asked: 0 };
    const own = new ScanTargets(
      {
        run: async (...call: Parameters<typeof store.database.run>) => {
          away.asked += 1;
          if (away.down) throw new Error('Connection terminated');
          return await store.database.run(...call);
        },
      } as typeof store.database,
      () => now,
    );
    const code = scanCode(key, number);
    await own.find(code);
    away.down = true;
    later();
    expect(await own.find(code)).toMatchObject({ url: 'https://shop.example/spring?x=1' });
    expect(await own.find(code)).toBeDefined();
    expect(away.asked).toBe(2);
    now += 600_000;
    await expect(own.find(code)).rejects.toThrow('Connection terminated');
    away.down = false;
    expect(await own.find(code)).toBeDefined();
  });
});

import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { multipart, OriginServer, PNG } from '../support/assets.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { EventStream } from '../support/event-stream.js';
import { eventually } from '../support/eventually.js';
import { campaignBody, Flow } from '../support/flow.js';
import { ServerProcess } from '../support/server-process.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function startUpload(port: number, type: string, length: number): ClientRequest {
  const upload = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/assets',
    agent: false,
    headers: { 'content-type': type, 'content-length': length },
  });
  upload.on('error', () => undefined);
  return upload;
}

describe('an end', () => {
  let working: Flow | undefined;
  afterEach(async () => {
    const left = working;
    working = undefined;
    await left?.stop();
  });

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    'by %s in the middle of work comes soon and in good order, and the work goes on at the next start',
    async (signal) => {
      const origin = await OriginServer.start(() => undefined);
      const flow = await Flow.start({
        ASSET_FETCH_ALLOW: '127.0.0.1',
        ASSET_WAIT_MS: '500',
        CLAIM_LEASE_MS: '1000',
        RESCUE_INTERVAL_MS: '200',
      });
      working = flow;
      await flow.sql(`insert into devices (device_id) select 'd-' || n from generate_series(1, 500) n`);
      const stream = await EventStream.open(`${flow.server.url}/campaigns/events`);
      const screen = await flow.screen('d-7');
      const bodies = Array.from({ length: 30 }, (_, index) =>
        campaignBody(flow.server.url, index % 5 === 0 ? { assets: [{ assetType: 'image', url: `${origin.base}/slow-${index}` }] } : {}),
      );
      const answers = Promise.allSettled(bodies.map((body) => flow.http.post('/campaigns', body)));
      await screen.manifests.first();

      const asked = performance.now();
      const { code, output } = await flow.server.signal(signal);
      expect(performance.now() - asked).toBeLessThan(30_000);
      expect(code, output).toBe(0);
      stream.close();
      const taken = (await answers).filter((each) => each.status === 'fulfilled' && each.value.status === 201).length;

      await flow.revive();
      const [stored] = await flow.sql('select count(*)::int as n from campaigns');
      expect(stored?.['n']).toBeGreaterThanOrEqual(taken);
      await eventually(async () => {
        const [row] = await flow.sql(`select count(*)::int as n from deliveries where status <> 'SUCCESS'`);
        const [campaigns] = await flow.sql(`select count(*)::int as n from campaigns where status <> 'active'`);
        expect([row?.['n'], campaigns?.['n']]).toEqual([0, 0]);
      });
      await flow.stop();
      await origin.stop();
    },
  );

  test('lets a request end that is under way, and cuts one that does not', async () => {
    const server = await ServerProcess.start({ databaseUrl: database.url });
    const { body, type } = multipart([{ name: 'file', filename: 'a.png', content: Buffer.concat([PNG, Buffer.alloc(200_000)]) }]);
    const [ending, endless] = [startUpload(server.ports.http, type, body.length), startUpload(server.ports.http, type, body.length)];
    for (const upload of [ending, endless]) upload.write(body.subarray(0, 150_000));
    await eventually(async () => expect(await readdir(join(server.dataDir, 'storage', 'incoming'))).toHaveLength(2));
    const asked = performance.now();
    const ended = server.signal('SIGTERM');
    await eventually(() => expect(server.http.get('/healthz')).rejects.toThrow());
    ending.end(body.subarray(150_000));
    const [answer] = (await once(ending, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(201);
    answer.resume();
    expect((await ended).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(30_000);
    endless.destroy();
  });

  test('asked for twice comes at once', async () => {
    const server = await ServerProcess.start({ databaseUrl: database.url });
    server.child.kill('SIGINT');
    server.child.kill('SIGINT');
    const { code } = await server.end(30_000);
    // The first may have been through before the second came.
    expect([0, 130]).toContain(code);
  });
});

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { multipart, PNG, sendUpload } from '../support/assets.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ ASSET_MAX_BYTES: '1000000' });
});
afterEach(async () => {
  expect((await flow.http.get('/healthz')).status).toBe(200);
});
afterAll(() => flow.stop());

const unknown = randomUUID();

describe('an id', () => {
  const routes = [
    '/campaigns/:id',
    '/campaigns/:id/clearance',
    '/campaigns/:id/clearance/screens',
    '/campaigns/:id/versions',
    '/campaigns/:id/executions',
    '/campaigns/:id/deliveries',
    '/campaigns/:id/events',
  ];
  const more = ['/deliveries/:id', '/executions/:id', '/templates/:id/index.html'];
  test.each([...routes, ...more])('that is no UUID is a 400 at %s', async (route) => {
    for (const id of ['1', 'not-a-uuid', `${unknown}x`, `${unknown}%00`, "'%20or%201=1--", '%F0%9F%92%A5', 'null']) {
      expect(expectProblem(await flow.http.get(route.replace(':id', id)), 400, 'VALIDATION_FAILED')).toContain('id');
    }
  });

  test('of nothing is a 404', async () => {
    for (const route of ['/campaigns/:id', '/campaigns/:id/clearance', '/campaigns/:id/versions', '/campaigns/:id/deliveries', ...more])
      expectProblem(await flow.http.get(route.replace(':id', unknown)), 404, 'NOT_FOUND');
    for (const action of ['cancel', 'dispatch']) {
      expectProblem(await flow.http.post(`/campaigns/${unknown}/${action}`), 404, 'NOT_FOUND');
      expectProblem(await flow.http.post(`/campaigns/nobody/${action}`), 400, 'VALIDATION_FAILED');
    }
    expectProblem(await flow.http.get('/screens/nobody'), 404, 'NOT_FOUND');
    expectProblem(await flow.http.get(`/assets/${'0'.repeat(64)}`), 404, 'NOT_FOUND');
  });

  test('in upper case is the same id', async () => {
    const { id } = await flow.create({ dispatch: 'manual' });
    expect(await flow.http.read(`/campaigns/${id.toUpperCase()}`)).toMatchObject({ id });
  });

  test.each(['a b', 'a%2Fb', 'a%20b', 'é', '%00', '+', '%23', 'x'.repeat(129), '%F0%9F%92%A5'])('of a screen may not be %j', async (id) => {
    const answer = await flow.http.send('PUT', `/screens/${encodeURI(decodeURI(id))}`, { body: {} });
    expectProblem(answer, 400, 'VALIDATION_FAILED');
    expect(await flow.sql('select from devices')).toHaveLength(0);
  });
});

describe('a path', () => {
  test.each([
    '/nothing',
    '/campaigns/a/b/c',
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/campaigns/..%2f..%2fetc%2fpasswd',
    '/assets/..%2f..%2f..%2fetc%2fpasswd',
    '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
    `/assets/${'A'.repeat(64)}`,
    '/templates/../../package.json',
    '/templates/..%2f..%2fpackage.json/index.html',
    '/player/../../../package.json',
    '/player/..%2f..%2f..%2fpackage.json',
    '/player/%2e%2e/%2e%2e/%2e%2e/package.json',
    '/player/..%5c..%5cpackage.json',
    '/player/%00',
    '/console-assets/..%2f..%2fpackage.json',
    '/console-assets/',
    '/campaigns/%',
    '/campaigns/%zz',
    '/%E0%A4%A',
    `/screens/${'x'.repeat(2000)}`,
    '/constructor',
    '/__proto__',
  ])('%s leads nowhere', async (path) => {
    const answer = await flow.http.get(path);
    expect([400, 403, 404, 414]).toContain(answer.status);
    expect(expectProblem(answer, answer.status)).not.toBe('');
    expect(answer.text).not.toMatch(/root:|"name": "/);
  });

  test.each([
    ['DELETE', '/campaigns'],
    ['PATCH', `/campaigns/${unknown}`],
    ['PUT', '/campaigns'],
    ['POST', '/screens'],
    ['POST', '/healthz'],
    ['TRACE', '/campaigns'],
  ])('%s %s is no route', async (method, path) => {
    expectProblem(await flow.http.send(method, path), 404, 'NOT_FOUND');
  });
});

describe('a query', () => {
  const lists = ['/campaigns', '/screens', '/executions', `/campaigns/${unknown}/deliveries`];
  test.each(lists)('of %s is refused where it is wrong', async (list) => {
    for (const [name, values] of Object.entries({
      limit: ['0', '101', '-1', '1.5', 'x', 'NaN', '1e300', 'Infinity', '', '1&limit=2'],
      offset: ['-1', '1.5', 'x', '1e300', '99999999999', '1&offset=2'],
      status: ['nothing', '', 'DRAFT%00', 'active&status=active'],
      cursor: ['***', 'x'.repeat(600), 'AAAA', 'bm90LWEtY3Vyc29y%00', 'LS0t&cursor=LS0t'],
    })) {
      for (const value of values) {
        // A device id is what the cursors of these lists hold, so text that is one is a cursor.
        if (name === 'cursor' && value === 'AAAA' && /screens|deliveries/.test(list)) continue;
        const answer = await flow.http.get(`${list}?${name}=${value}`);
        expect(expectProblem(answer, 400, 'VALIDATION_FAILED'), `${name}=${value}`).toContain(name);
      }
    }
  });

  test('of screens is text', async () => {
    for (const name of ['q', 'groupId', 'tag']) {
      for (const value of ['%00', '', '%20', 'x'.repeat(129), `a&${name}=b`]) {
        expect(expectProblem(await flow.http.get(`/screens?${name}=${value}`), 400), `${name}=${value}`).toContain(name);
      }
      for (const value of ["'", '%25', '_', '%5C', '%27;drop%20table%20devices;--', '%ED%A0%80', '%FF'])
        expect(await flow.http.read(`/screens?${name}=${value}`), value).toMatchObject({ data: [], total: 0 });
    }
  });

  test('that nobody asked for is passed over', async () => {
    expect(await flow.http.read('/campaigns?__proto__=1&constructor=2&x[y]=3&limit=5')).toMatchObject({ limit: 5, offset: 0 });
    expectProblem(await flow.http.get(`/templates/${unknown}/index.html?v=../1`), 400, 'VALIDATION_FAILED');
    expectProblem(await flow.http.post(`/campaigns/${unknown}/cancel?force=maybe`), 400, 'VALIDATION_FAILED');
  });
});

describe('a body', () => {
  test.each<[string, unknown, string]>([
    ['groupId', { groupId: 5 }, 'groupId'],
    ['groupId', { groupId: ' ' }, 'groupId'],
    ['groupId', { groupId: 'x'.repeat(129) }, 'groupId'],
    ['tags', { tags: 'a,b' }, 'tags'],
    ['tags', { tags: ['a', 1] }, 'tags.1'],
    ['tags', { tags: ['a\u0000'] }, 'tags.0'],
    ['tags', { tags: Array.from({ length: 101 }, (_, index) => `t${index}`) }, 'tags'],
    ['metadata', { metadata: [] }, 'metadata'],
    ['metadata', { metadata: { a: '\ud800' } }, 'metadata'],
    ['metadata', { metadata: { a: 'x'.repeat(20_000) } }, 'metadata'],
    ['body', [], 'body'],
    ['body', 'text', 'body'],
  ])('of a screen with a wrong %s is refused: %j', async (_, body, field) => {
    const answer = await flow.http.send('PUT', '/screens/one', {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    expect(expectProblem(answer, 400, 'VALIDATION_FAILED')).toContain(field);
    expectProblem(await flow.http.get('/screens/one'), 404);
  });

  test('of an audience to be counted is refused where it is wrong', async () => {
    for (const body of [{}, { audience: 5 }, { audience: { ids: 'x' } }, { audience: { all: true }, channel: 'smoke' }]) {
      const message = expectProblem(await flow.http.post('/audiences/count', body), 400, 'VALIDATION_FAILED');
      expect(message).toMatch(/audience|channel/);
    }
  });

  test('of an action may be missing, empty or anything', async () => {
    const { id } = await flow.create({ dispatch: 'manual' });
    for (const [body, headers] of [
      [undefined, {}],
      ['', { 'content-type': 'application/json' }],
      ['{}', { 'content-type': 'application/json' }],
      ['{"reason": "x"}', { 'content-type': 'application/json' }],
    ] as const)
      expect((await flow.http.post(`/campaigns/${id}/cancel`, body, headers)).json()).toMatchObject({ status: 'cancelled' });
    expectProblem(await flow.http.post(`/campaigns/${id}/cancel`, '{', { 'content-type': 'application/json' }), 400, 'MALFORMED_JSON');
  });

  test('that never ends, lies about its length or is cut off hurts nobody', async () => {
    const { http } = flow.server.ports;
    const head = 'POST /campaigns HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const chunk = 'a'.repeat(65_536);
    const endless = connect(http, '127.0.0.1');
    endless.on('error', () => undefined);
    endless.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    for (let n = 0; n < 40; n += 1) endless.write(`10000\r\n${chunk}\r\n`);
    const [answer] = (await within(30_000, 'the answer', once(endless, 'data'))) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    endless.destroy();
    for (const text of [
      `${head}Content-Length: 100\r\n\r\n{`,
      `${head}Content-Length: -1\r\n\r\n`,
      'GARBAGE\r\n\r\n',
      '\u0000'.repeat(100),
    ]) {
      const socket = connect(http, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(text);
      await within(30_000, 'the end', once(socket.resume(), 'close'));
    }
  });
});

describe('an upload', () => {
  const stored = async (): Promise<number> => (await readdir(`${flow.server.dataDir}/storage/incoming`)).length;
  test.each<[string, Buffer | string, number]>([
    ['empty', '', 400],
    ['plain text', 'just words', 400],
    ['a script', '#!/bin/sh\necho hi\n', 400],
    ['an archive', Buffer.from('504b0304140000000000', 'hex'), 400],
    ['larger than allowed', Buffer.concat([PNG, Buffer.alloc(1_000_000)]), 413],
  ])('that is %s is refused and leaves nothing behind', async (_, content, status) => {
    expect(expectProblem(await sendUpload(flow.http, content), status)).toContain('file');
    expect(await stored()).toBe(0);
  });

  test('of another shape is refused', async () => {
    const text = multipart([{ name: 'file', content: 'not a file' }]);
    expect(expectProblem(await flow.http.post('/assets', text.body, { 'content-type': text.type }), 400)).toContain('file');
    const nothing = multipart([]);
    expect(expectProblem(await flow.http.post('/assets', nothing.body, { 'content-type': nothing.type }), 400)).toContain('file');
    expectProblem(await flow.http.post('/assets', '{}', { 'content-type': 'application/json' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await flow.http.post('/assets', PNG, { 'content-type': 'image/png' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await flow.http.post('/assets', 'x', { 'content-type': 'multipart/form-data' }), 400);
    const { body, type } = multipart([{ name: 'file', filename: 'a.png', content: PNG }]);
    expectProblem(await flow.http.post('/assets', body.subarray(0, body.length - 20), { 'content-type': type }), 400);
    expect(await stored()).toBe(0);
  });

  test('that breaks off leaves nothing behind', async () => {
    const { body, type } = multipart([{ name: 'file', filename: 'a.png', content: Buffer.concat([PNG, Buffer.alloc(500_000)]) }]);
    const socket = connect(flow.server.ports.http, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST /assets HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body.subarray(0, 300_000));
    await eventually(async () => expect(await stored()).toBe(1));
    socket.destroy();
    await eventually(async () => expect(await stored()).toBe(0));
  });

  test('is named by its bytes, whatever it is called', async () => {
    const { body, type } = multipart([{ name: 'other', filename: '../../../etc/passwd\u0000.html', content: PNG }]);
    const answer = await flow.http.post('/assets', body, { 'content-type': type });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.json()).toMatchObject({ type: 'image/png', sizeBytes: PNG.length });
  });
});

test('an import of the wrong type, or that is no table at all, is told what is wrong with it', async () => {
  const send = (type: string, body: string | Buffer) => flow.http.post('/screens/import', body, { 'content-type': type });
  expectProblem(await send('application/json', '[]'), 415, 'UNSUPPORTED_MEDIA_TYPE');
  expectProblem(await send('text/plain', 'x'), 415, 'UNSUPPORTED_MEDIA_TYPE');
  const rejected = async (type: string, body: string | Buffer): Promise<number> => {
    const answer = await send(type, body);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json()).toMatchObject({ imported: 0, updated: 0 });
    return answer.json().rejected.length as number;
  };
  expect(await rejected('text/csv', '')).toBe(0);
  expect(await rejected('text/csv', 'deviceId\n')).toBe(0);
  expect(await rejected('text/csv', 'name\nfoo\n')).toBe(1);
  expect(await rejected('text/csv', 'deviceId,metadata\na,{broken\n')).toBe(1);
  expect(await rejected('text/csv', 'deviceId\n"open quote\n')).toBe(1);
  expect(await rejected('text/csv', Buffer.from([0x80, 0, 1, 2, 10, 0xff, 10]))).toBe(1);
  expect(await rejected('application/x-ndjson', `{"deviceId":"a\\u0000"}\n${'['.repeat(60_000)}\n${'x'.repeat(200_000)}\n5\nnull\n`)).toBe(
    5,
  );
  expect(await rejected('application/x-ndjson', `{"deviceId":"../../etc"}\n{"deviceId":"a","metadata":{"a":"\\ud800"}}`)).toBe(2);
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StartError } from '../kit/errors.js';
import { readConfig } from './config.js';
import { configurationMarkdown } from './markdown.js';
import { settings } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'marquee-config-'));
const noFile = join(folder, 'missing.env');
afterAll(() => rmSync(folder, { recursive: true }));

/** The sentence that stops the start, or 'started'. */
function sentence(environment: Record<string, string>, dotenvFile = noFile): string {
  try {
    readConfig(environment, dotenvFile);
    return 'started';
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return error.message;
  }
}

describe('readConfig', () => {
  it('starts without any setting, reachable from this machine only', () => {
    const config = readConfig({}, noFile);
    expect(config).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      dataDir: resolve('data'),
      databaseUrl: undefined,
      mqttPort: 1883,
      mqttWsPort: 9001,
      roles: ['api', 'dispatch', 'worker', 'gateway', 'clicks'],
      auth: 'off',
      allowOpen: false,
      corsOrigins: ['*'],
      assetFetchAllow: [],
      assetWaitMs: 2000,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads the file, and lets the environment win', () => {
    const file = join(folder, 'some.env');
    writeFileSync(file, 'PORT=4000\nMQTT_PORT=4001 # beside the API\nAPI_BASE_URL="https://marquee.example.com/"\n');
    expect(readConfig({ PORT: '5000' }, file)).toMatchObject({ port: 5000, mqttPort: 4001, apiBaseUrl: 'https://marquee.example.com' });
  });

  it('takes blank as not set, so that an empty line of a compose file changes nothing', () => {
    const file = join(folder, 'blank.env');
    writeFileSync(file, 'PORT=4000\n');
    expect(readConfig({ PORT: ' ', DATABASE_URL: '' }, file)).toMatchObject({ port: 4000, databaseUrl: undefined });
  });

  it('takes a database behind a unix socket', () => {
    const databaseUrl = 'postgresql:///marquee?host=/run/postgresql';
    expect(readConfig({ DATABASE_URL: databaseUrl }, noFile)).toMatchObject({ databaseUrl });
  });

  it('splits lists and drops what stands twice', () => {
    const config = readConfig({ ROLES: 'worker, api,worker', ASSET_FETCH_ALLOW: 'media.local,10.0.0.0/8,fd00::/8,127.0.0.1' }, noFile);
    expect(config.roles).toEqual(['worker', 'api']);
    expect(config.assetFetchAllow).toEqual(['media.local', '10.0.0.0/8', 'fd00::/8', '127.0.0.1']);
  });

  it('takes whose word is believed about a client’s address: nobody’s, so many proxies, or those at addresses', () => {
    const trusted = (value: string): unknown => readConfig({ TRUST_PROXY: value }, noFile).trustProxy;
    expect(readConfig({}, noFile).trustProxy).toBe(false);
    expect(['off', '1', '10'].map(trusted)).toEqual([false, 1, 10]);
    expect(trusted('10.0.0.0/8, ::1,192.0.2.7')).toEqual(['10.0.0.0/8', '::1', '192.0.2.7']);
  });

  it('takes the pauses before a click is published again, in their order', () => {
    expect(readConfig({}, noFile).clickRetryMs).toEqual([100, 500, 2000]);
    expect(readConfig({ CLICK_RETRY_MS: '7, 0,99999' }, noFile).clickRetryMs).toEqual([7, 0, 99_999]);
  });

  it.each([
    ['TRUST_PROXY', '0', /^TRUST_PROXY must be "off", a number of proxies from 1 to 10, or addresses and networks .*, not "0"\.$/],
    ['TRUST_PROXY', 'true', /^TRUST_PROXY must be /],
    ['TRUST_PROXY', '11', /^TRUST_PROXY must be /],
    ['TRUST_PROXY', 'proxy.local', /^TRUST_PROXY must be /],
    ['TRUST_PROXY', '10.0.0.0/33', /^TRUST_PROXY must be /],
    ['CLICK_RETRY_MS', '100,soon', /^CLICK_RETRY_MS must be one to ten numbers of milliseconds .*, not "100,soon"\.$/],
    ['CLICK_RETRY_MS', ',', /^CLICK_RETRY_MS must be /],
    ['CLICK_RETRY_MS', '100000', /^CLICK_RETRY_MS must be /],
    ['CLICK_RETRY_MS', '1,1,1,1,1,1,1,1,1,1,1', /^CLICK_RETRY_MS must be /],
    ['CLICK_CONFIRM_MS', '0', 'CLICK_CONFIRM_MS must be a number of milliseconds from 1 to 600000, not "0".'],
    ['PORT', 'abc', 'PORT must be a port from 0 to 65535, not "abc".'],
    ['PORT', '65536', 'PORT must be a port from 0 to 65535, not "65536".'],
    ['PORT', '-1', 'PORT must be a port from 0 to 65535, not "-1".'],
    ['PORT', '1e3', 'PORT must be a port from 0 to 65535, not "1e3".'],
    ['HOST', 'http://x', 'HOST must be an address or a host name, not "http://x".'],
    ['HOST', '999.1.1.1', 'HOST must be an address or a host name, not "999.1.1.1".'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of "trace", "debug", "info", "warn", "error", "fatal", "silent", not "loud".'],
    ['ROLES', 'api,clerk', 'ROLES must be "all", or some of api, dispatch, worker, gateway, clicks with commas between, not "api,clerk".'],
    ['ROLES', ',', 'ROLES must be "all", or some of api, dispatch, worker, gateway, clicks with commas between, not ",".'],
    ['AUTH', 'jwt', 'AUTH must be "off", not "jwt".'],
    ['DEVICE_ENROLLMENT', 'pairing', 'DEVICE_ENROLLMENT must be "open", not "pairing".'],
    ['ALLOW_OPEN', 'maybe', 'ALLOW_OPEN must be "1" or "0", not "maybe".'],
    ['CORS_ORIGINS', 'https://a.example/path', /^CORS_ORIGINS must be .*, not "https:\/\/a.example\/path"\.$/],
    ['ASSET_FETCH_ALLOW', '10.0.0.0/33', /^ASSET_FETCH_ALLOW must be host names, .*, not "10.0.0.0\/33"\.$/],
    ['SEND_TIMEOUT_MS', '600001', 'SEND_TIMEOUT_MS must be a number of milliseconds from 1 to 600000, not "600001".'],
    ['ASSET_WAIT_MS', '2147483648', 'ASSET_WAIT_MS must be a number of milliseconds from 0 to 2147483647, not "2147483648".'],
    ['MQTT_URL', 'http://127.0.0.1', 'MQTT_URL must be a URL that starts with mqtt:// or mqtts:// or ws:// or wss://.'],
    ['MQTT_URL', 'localhost:1883', 'MQTT_URL must be a URL that starts with mqtt:// or mqtts:// or ws:// or wss://.'],
    ['BUS_URL', 'kafka://127.0.0.1', 'BUS_URL must be a URL that starts with amqp:// or amqps:// or redis:// or rediss://.'],
  ])('names %s when it is %j, and says what it takes', (key, value, expected) => {
    expect(sentence({ [key]: value })).toMatch(expected);
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['DATABASE_READ_URL', 'postgres://:hunter2@'],
    ['MQTT_URL', 'amqp://a:hunter2@b'],
    ['BUS_URL', 'nats://a:hunter2@b'],
    ['STORAGE_URL', 's3://key:hunter2@bucket'],
  ])('never repeats what %s holds, which may be a password', (key, value) => {
    expect(sentence({ [key]: value })).toMatch(new RegExp(`^${key} must be `));
    expect(sentence({ [key]: value })).not.toContain('hunter2');
  });

  it.each(['0.0.0.0', '::', '192.168.1.10', 'marquee.example.com', '10.0.0.1'])(
    'does not open itself to others on HOST=%s unasked',
    (host) => {
      expect(sentence({ HOST: host })).toMatch(/^HOST=.* AUTH=off .* ALLOW_OPEN=1 .*$/);
      expect(sentence({ HOST: host, ALLOW_OPEN: '0' })).not.toBe('started');
      expect(sentence({ HOST: host, ALLOW_OPEN: '1' })).toBe('started');
    },
  );

  it.each(['localhost', '127.0.0.1', '127.8.9.1', '::1'])('needs no leave for HOST=%s', (host) => {
    expect(sentence({ HOST: host })).toBe('started');
  });

  it('wants a certificate and its key together, and readable', () => {
    const file = join(folder, 'cert.pem');
    writeFileSync(file, '');
    expect(sentence({ TLS_CERT: file })).toBe('TLS_CERT and TLS_KEY must be set together, or neither.');
    expect(sentence({ TLS_CERT: file, TLS_KEY: join(folder, 'none.pem') })).toMatch(/^TLS_KEY names a file that cannot be read: ENOENT/);
    expect(sentence({ TLS_CERT: file, TLS_KEY: file })).toBe('started');
  });

  it('refuses a fence whose lock could end before its deadline', () => {
    expect(sentence({ FENCE_DEADLINE_MS: '5000' })).toBe('FENCE_DEADLINE_MS (5000) must be below FENCE_IDLE_MS (5000).');
    expect(sentence({ FENCE_DEADLINE_MS: '9000' })).toMatch(/^FENCE_DEADLINE_MS \(9000\)/);
    expect(sentence({ OFFER_FIRST_MS: '20', OFFER_MAX_MS: '10' })).toBe('OFFER_FIRST_MS (20) must not be above OFFER_MAX_MS (10).');
  });

  it('says which file it could not read', () => {
    expect(sentence({}, folder)).toMatch(new RegExp(`^The settings in ${folder} cannot be read: EISDIR`));
  });
});

describe('a setting', () => {
  it('is read by something: else it would be a promise that nobody keeps', () => {
    const source = new URL('../', import.meta.url);
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('test/') && !/^config\/(?:click-)?settings\.ts$/.test(file),
    );
    const code = files.map((file) => readFileSync(new URL(file, source), 'utf8')).join('\n');
    // STORAGE_URL has one value so far; it is there to refuse the others.
    const names = Object.keys(settings).filter((name) => name !== 'storageUrl');
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  });
});

describe('the page of settings', () => {
  it('is docs/configuration.md as it stands; `npm run docs` prints it anew', () => {
    const committed = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(committed).toBe(configurationMarkdown());
  });

  it('has one line for every setting', () => {
    const lines = configurationMarkdown().split('\n');
    for (const { key, doc } of Object.values(settings)) {
      expect(lines.filter((line) => line.startsWith(`| \`${key}\` |`))).toHaveLength(1);
      expect(doc).toMatch(/^[A-Z].*\.$/);
    }
  });
});

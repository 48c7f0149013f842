import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { AddressPolicy, AddressRefused, parseFetchAllow, type ResolveName } from './address-policy.js';

function policy(allow = '', resolve?: ResolveName): AddressPolicy {
  const parsed = parseFetchAllow(allow);
  if (!parsed.ok) throw new Error(parsed.error);
  return new AddressPolicy(parsed.allow, resolve);
}
/** Why an address may not be connected to, or undefined. */
function refusal(address: string, allow = ''): string | undefined {
  try {
    policy(allow).checkLiteral(address.includes(':') ? `[${address}]` : address);
    return undefined;
  } catch (error) {
    if (error instanceof AddressRefused) return error.kind;
    throw error;
  }
}
const at = (...addresses: string[]): LookupAddress[] => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
/** What a socket is told when it looks the name up. */
function looked(up: AddressPolicy, host: string, options: { all?: boolean; family?: number } = { all: true }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    up.lookup(host, options, (error, address) => (error === null ? resolve(address) : reject(error)));
  });
}

describe('addresses that a planner may not send us to', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['fec0::1', 'private'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['100.100.100.200', 'carrier-grade NAT'],
    ['0.0.0.0', 'reserved'],
    ['0.1.2.3', 'reserved'],
    ['::', 'reserved'],
    ['192.0.0.192', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['198.51.100.1', 'reserved'],
    ['203.0.113.9', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['168.63.129.16', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b:1::808:808', 'reserved'],
    ['2002:7f00:1::', 'reserved'],
    ['2001:0:4136:e378::', 'reserved'],
    ['::127.0.0.1', 'reserved'],
    ['::8.8.8.8', 'reserved'],
    ['4000::1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['100::1', 'reserved'],
  ])('%s is %s', (address, kind) => {
    expect(refusal(address)).toContain(kind);
  });

  test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])(
    '%s is public',
    (address) => {
      expect(refusal(address)).toBeUndefined();
    },
  );
});

describe('the list of what is allowed', () => {
  test('opens the ranges and addresses named, in whatever form they are met', () => {
    const allow = '10.0.0.0/8, 127.0.0.1 fd00::/8,[::1] ::ffff:192.168.0.0/112';
    for (const address of ['10.9.9.9', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '127.0.0.1', 'fd12::1', '::1', '192.168.3.4']) {
      expect(refusal(address, allow)).toBeUndefined();
    }
    for (const address of ['127.0.0.2', '192.168.255.255', '172.16.0.1', 'fe80::1', '::ffff:127.0.0.2']) {
      expect(refusal(address, allow) === undefined).toBe(address === '192.168.255.255');
    }
    expect(refusal('192.168.4.4', '192.168.0.0/22')).toBe('private');
  });

  test('opens a name to all that it resolves to, in any letter case, and no other name', async () => {
    const open = policy('CMS.internal', () => Promise.resolve(at('10.0.0.1')));
    expect(await looked(open, 'cms.Internal')).toEqual(at('10.0.0.1'));
    expect(await looked(open, 'cms.internal.')).toEqual(at('10.0.0.1'));
    await expect(looked(open, 'x.cms.internal')).rejects.toThrow(AddressRefused);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0',
    '300.1.1.1',
    'http://x',
    'a b!',
    '*.internal',
    'x:80',
    '::1/200',
    '-x',
    'a..b',
    '10.0.0.0/',
    'é.example',
  ])('refuses %s in one sentence that names it', (entry) => {
    const parsed = parseFetchAllow(`ok.example ${entry}`);
    const bad = entry.split(' ').at(-1);
    expect(parsed).toEqual({ ok: false, error: expect.stringMatching(/^"[^"]+" is not .*\.$/) });
    expect(!parsed.ok && parsed.error).toContain(`"${bad}"`);
  });

  test('is empty when nothing is written', () => {
    expect(parseFetchAllow(' , ')).toEqual({ ok: true, allow: { hosts: new Set(), ranges: [] } });
  });
});

describe('a name', () => {
  test('leads to its permitted addresses only, and is refused when it has none', async () => {
    const mixed = policy('', () => Promise.resolve(at('10.0.0.1', '8.8.8.8', '::1', '2606:4700::1111')));
    expect(await looked(mixed, 'mixed')).toEqual(at('8.8.8.8', '2606:4700::1111'));
    expect(await looked(mixed, 'mixed', {})).toBe('8.8.8.8');
    expect(await looked(mixed, 'mixed', { family: 6 })).toBe('2606:4700::1111');
    const inside = policy('', () => Promise.resolve(at('10.0.0.1', '::1')));
    await expect(looked(inside, 'inside')).rejects.toMatchObject({ name: 'AddressRefused', kind: 'private' });
  });

  test('that resolves to nonsense is refused, one that does not resolve keeps its code', async () => {
    await expect(
      looked(
        policy('', () => Promise.resolve(at('not an address'))),
        'x',
      ),
    ).rejects.toThrow(AddressRefused);
    const unknown = policy('', () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })));
    await expect(looked(unknown, 'x')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(
      looked(
        policy('', () => Promise.resolve([])),
        'x',
      ),
    ).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  test('never has more than two look-ups under way: they hold threads that files need', async () => {
    let now = 0;
    let most = 0;
    const slow = policy('', async () => {
      most = Math.max(most, ++now);
      await new Promise((done) => setImmediate(done));
      now -= 1;
      return at('8.8.8.8');
    });
    await Promise.all(Array.from({ length: 10 }, (_, n) => looked(slow, `host-${n}`)));
    expect(most).toBe(2);
  });
});

import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';

/**
 * The kinds of value a setting may hold. Each reads the text of the environment, and says in its description what it takes:
 * the end of the sentence "PORT must be …".
 */

export const roles = ['api', 'dispatch', 'worker', 'gateway', 'clicks'] as const;
/** A part of the work that a process can do; `all` on the command line stands for every one. */
export type Role = (typeof roles)[number];

export function whole(from: number, to: number, unit = 'a whole number') {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= from && value <= to)
    .describe(`${unit} from ${from} to ${to}`);
}

/** Ms; at most 2^31 - 1, beyond which a timer fires at once. */
export function milliseconds(from: number, to = 2_147_483_647) {
  return whole(from, to, 'a number of milliseconds');
}

export function choice<const Values extends readonly [string, ...string[]]>(...values: Values) {
  const allowed = values.map((value) => `"${value}"`);
  return z.enum(values).describe(allowed.length === 1 ? `${allowed[0]}` : `one of ${allowed.join(', ')}`);
}

export const flag = z
  .enum(['1', 'true', '0', 'false'])
  .transform((value) => value === '1' || value === 'true')
  .describe('"1" or "0"');

/**
 * A URL of one of the schemes, kept as written but for slashes at its end. Its value may hold a password and is never repeated.
 * The host may be missing where the driver takes it from elsewhere: `postgresql:///marquee?host=/run/postgresql`.
 */
export function url(...schemes: [string, ...string[]]) {
  const starts = schemes.map((scheme) => `${scheme}://`);
  return z
    .string()
    .refine((value) => URL.canParse(value) && starts.some((start) => value.toLowerCase().startsWith(start)))
    .transform((value) => value.replace(/\/+$/, ''))
    .describe(`a URL that starts with ${starts.join(' or ')}`)
    .meta({ secret: true });
}

export const sessionName = z
  .string()
  .regex(/^[\x21-\x7e]{1,50}$/)
  .describe('up to 50 printable ASCII characters without spaces');

export const path = z
  .string()
  .refine((value) => !value.includes('\0'))
  .transform((value) => resolve(value))
  .describe('a path');

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$/i;

export const host = z
  .string()
  .refine((value) => isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value)))
  .describe('an address or a host name');

/** `*`, or origins such as `https://console.example.com`. */
export const origins = commaSeparated(
  (value) => value === '*' || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && new URL(value).origin === value),
).describe('"*", or origins such as https://console.example.com with commas between');

export const hostsAndNetworks = commaSeparated((value) => host.safeParse(value).success || isNetwork(value)).describe(
  'host names, addresses or networks such as 10.0.0.0/8 with commas between',
);

/** `marquee@example.com`, or with a name `Marquee <marquee@example.com>`. */
export const mailAddress = z
  .string()
  .max(320)
  .regex(/^(?:[^<>"\r\n]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>"]+@[^\s@<>"]+)$/)
  .describe('a mail address such as marquee@example.com or Marquee <marquee@example.com>');

/** Pauses in ms, in their order: `100,500,2000`. */
export const pauses = z
  .string()
  .transform(parts)
  .refine((values) => values.length > 0 && values.length <= 10 && values.every((value) => /^\d{1,5}$/.test(value)))
  .transform((values) => values.map(Number))
  .describe('one to ten numbers of milliseconds below 100000 with commas between');

/** Which `X-Forwarded-For` is believed: of nobody (false), of so many proxies nearest to us, or of proxies with these addresses. */
export const trustedProxies = z
  .string()
  .refine((value) => /^(?:off|[1-9]|10)$/.test(value) || parts(value).every((part) => isIP(part) !== 0 || isNetwork(part)))
  .transform((value): false | number | string[] => (value === 'off' ? false : /^\d+$/.test(value) ? Number(value) : parts(value)))
  .describe('"off", a number of proxies from 1 to 10, or addresses and networks such as 10.0.0.0/8 with commas between');

/** A secret, never repeated. */
export const secret = z
  .string()
  .max(4096)
  .refine((value) => !value.includes('\0'))
  .describe('up to 4096 characters')
  .meta({ secret: true });

export const shortText = z.string().max(500).describe('up to 500 characters');

export const roleList = z
  .string()
  .transform((value) => (value.trim() === 'all' ? [...roles] : [...new Set(parts(value))]))
  .pipe(z.array(z.enum(roles)).min(1))
  .describe(`"all", or some of ${roles.join(', ')} with commas between`);

function commaSeparated(allows: (value: string) => boolean) {
  return z
    .string()
    .transform(parts)
    .refine((values) => values.every(allows));
}

function parts(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function isNetwork(value: string): boolean {
  const match = /^([0-9a-f:.]+)\/(\d{1,3})$/i.exec(value);
  const family = isIP(match?.[1] ?? '');
  if (match?.[1] === undefined || match[2] === undefined || family === 0) return false;
  return Number(match[2]) <= (family === 4 ? 32 : 128);
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach what listens on this host. */
export function isLoopback(address: string): boolean {
  if (address.toLowerCase() === 'localhost') return true;
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

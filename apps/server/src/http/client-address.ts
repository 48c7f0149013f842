import { createHmac, createSecretKey } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** How the address of a client is kept. A hash has a key, else trying all addresses would undo it. */
export type KeepAddress = { as: 'full' } | { as: 'short' } | { as: 'hash'; key: string };

/** Answers how an address is written down; '' for what is none. An IPv4 address in IPv6 form counts as what it is. */
export function addressKeeper(keep: KeepAddress): (address: string) => string {
  if (keep.as === 'hash') {
    const key = createSecretKey(keep.key, 'utf8');
    return (address) => {
      const plain = plainAddress(address);
      return plain === '' ? '' : createHmac('sha256', key).update(plain).digest('base64url').slice(0, 22);
    };
  }
  return keep.as === 'full' ? plainAddress : (address) => network(plainAddress(address));
}

function plainAddress(address: string): string {
  const family = isIP(address);
  if (family === 4) return address;
  if (family === 0) return '';
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/, ''));
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return parsed.toString();
}

/** The /24 of IPv4, the /48 of IPv6: about a neighbourhood, or a household. */
function network(plain: string): string {
  if (plain === '') return '';
  if (!plain.includes(':')) return `${plain.slice(0, plain.lastIndexOf('.'))}.0`;
  const [a = 0, b = 0, c = 0] = ipaddr.IPv6.parse(plain).parts;
  return new ipaddr.IPv6([a, b, c, 0, 0, 0, 0, 0]).toString();
}

import type { LookupAddress } from 'node:dns';
import { lookup as resolveName } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Lanes } from './lanes.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Hosts and address ranges that may be reached although they are not public. */
export interface FetchAllow {
  /** Lower case; exact names, which may then resolve to anything. */
  hosts: ReadonlySet<string>;
  ranges: readonly (readonly [Address, number])[];
}

export type ParsedFetchAllow = { ok: true; allow: FetchAllow } | { ok: false; error: string };

const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
/** A name made of digits and dots only would be an address that was mistyped. */
const NUMERIC = /^[\d.]+$/;

/**
 * Reads a list of host names, addresses and CIDRs, parted by commas or white space ('' allows nothing). A bad entry gives one
 * sentence that names it, ready to be printed behind the name of the setting.
 */
export function parseFetchAllow(text: string): ParsedFetchAllow {
  const hosts = new Set<string>();
  const ranges: [Address, number][] = [];
  for (const entry of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const host = entry.toLowerCase().replace(/\.$/, '');
    const range = parseRange(entry);
    if (range !== undefined) ranges.push(range);
    else if (HOST.test(host) && !NUMERIC.test(host)) hosts.add(host);
    else return { ok: false, error: `"${entry}" is not a host name, an IP address or a CIDR such as 10.0.0.0/8.` };
  }
  return { ok: true, allow: { hosts, ranges } };
}

function parseRange(entry: string): [Address, number] | undefined {
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(entry) || ipaddr.IPv6.isValidCIDR(entry)) return mappedRange(...ipaddr.parseCIDR(entry));
  const bare = entry.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) === 0 || V4_COMPATIBLE.test(bare)) return undefined;
  const address = ipaddr.parse(bare);
  return mappedRange(address, address.kind() === 'ipv4' ? 32 : 128);
}

/** `::ffff:10.0.0.0/104` means 10.0.0.0/8: addresses are compared after they were unwrapped. */
function mappedRange(address: Address, bits: number): [Address, number] {
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96) return [address.toIPv4Address(), bits - 96];
  return [address, bits];
}

/** Why a connection was not made: where the host's name leads is not for us. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  constructor(
    readonly host: string,
    /** 'loopback', 'private', 'link-local' … */
    readonly kind: string,
  ) {
    super(`address of ${host} is ${kind}`);
  }
}

/** All addresses of a name; rejects with the code of getaddrinfo (ENOTFOUND, EAI_AGAIN). */
export type ResolveName = (host: string) => Promise<LookupAddress[]>;

export const systemResolve: ResolveName = (host) => resolveName(host, { all: true });

export interface AddressPolicyOptions {
  /** Link-local addresses are refused whatever is allowed: behind 169.254.169.254 a cloud hands out its machines' secrets. */
  neverLinkLocal?: boolean;
}

/**
 * Decides which addresses may be connected to: public unicast ones and those allowed by name or range. The decision is taken on
 * the very address that is connected to, so a name that answers differently each time (DNS rebinding) gains nothing.
 */
export class AddressPolicy {
  /**
   * getaddrinfo holds one of libuv's four threads, which files and hashes need as well: names of dead name servers may hold two.
   */
  private readonly lookups = new Lanes(2, 1);

  constructor(
    private readonly allow: FetchAllow,
    private readonly resolve: ResolveName = systemResolve,
    private readonly options: AddressPolicyOptions = {},
  ) {}

  /** For the `lookup` of a socket: yields the permitted addresses only, and AddressRefused when none is. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.permitted(host).then(
      (addresses) => {
        const wanted =
          options.family === 4 || options.family === 6 ? addresses.filter(({ family }) => family === options.family) : addresses;
        const [first] = wanted;
        if (first === undefined) callback(Object.assign(new Error(`${host} has no such address`), { code: 'ENOTFOUND' }), '');
        else if (options.all === true) callback(null, wanted);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

  /** Throws AddressRefused for an IP literal that is not permitted: sockets do not look those up. Names pass. */
  checkLiteral(hostname: string): void {
    const bare = hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(bare) === 0) return;
    const kind = this.refusal(bare, hostname);
    if (kind !== undefined) throw new AddressRefused(hostname, kind);
  }

  private async permitted(host: string): Promise<LookupAddress[]> {
    const found = await this.lookups.run(host, () => this.resolve(host));
    const passed = found.filter(({ address }) => this.refusal(address, host) === undefined);
    const [refused] = found;
    if (passed.length === 0 && refused !== undefined) {
      throw new AddressRefused(host, this.refusal(refused.address, host) ?? 'private');
    }
    return passed;
  }

  private refusal(text: string, host: string): string | undefined {
    if (!ipaddr.isValid(text) || V4_COMPATIBLE.test(text)) return 'reserved';
    const address = unwrapped(ipaddr.parse(text));
    if (this.options.neverLinkLocal === true && address.range() === 'linkLocal') return kindOf(address);
    if (this.allow.hosts.has(host.toLowerCase().replace(/\.$/, ''))) return undefined;
    if (this.allow.ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))) return undefined;
    return kindOf(address);
  }
}

/** Deprecated (RFC 4291 §2.5.5.1). The parser takes `::10.0.0.1` for the v4-mapped `::ffff:10.0.0.1`; a socket does not. */
const V4_COMPATIBLE = /^::\d+\./;
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
/** A public address by the registry, but on Azure's machines the door to the host's own agent and its secrets. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/**
 * The IPv4 address inside a v4-mapped one and inside the well-known NAT64 prefix (RFC 6052), where the gateway would lead to
 * it: public hosts stay reachable from a network that has IPv6 only, private ones are seen for what they are.
 */
function unwrapped(address: Address): Address {
  if (address.kind() === 'ipv4' || !(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return address.match(NAT64, 96) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

const KINDS: Record<string, string> = {
  loopback: 'private (loopback)',
  private: 'private',
  uniqueLocal: 'private',
  deprecatedSiteLocal: 'private',
  linkLocal: 'private (link-local)',
  carrierGradeNat: 'private (carrier-grade NAT)',
  multicast: 'multicast',
  broadcast: 'broadcast',
};

function kindOf(address: Address): string | undefined {
  const range = address.range();
  if (range !== 'unicast') return KINDS[range] ?? 'reserved';
  if (address.toString() === AZURE_WIRE_SERVER) return 'reserved';
  // Only 2000::/3 is handed out (RFC 4291 §2.4); what lies elsewhere, `::127.0.0.1` among it, is no public host.
  return address instanceof ipaddr.IPv6 && !address.match(GLOBAL_UNICAST, 3) ? 'reserved' : undefined;
}

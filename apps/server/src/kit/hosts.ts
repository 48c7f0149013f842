/** A host as it stands in a URL; an address that means "every interface" is reached on this machine by loopback. */
export function urlHost(host: string): string {
  if (isWildcard(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

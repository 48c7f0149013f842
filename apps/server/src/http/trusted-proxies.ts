/** As Fastify takes it: of proxies that are counted, those that are so near. */
export function trustOf(proxies: false | number | string[]): false | string[] | ((address: string, hop: number) => boolean) {
  return typeof proxies === 'number' ? (_address, hop) => hop < proxies : proxies;
}

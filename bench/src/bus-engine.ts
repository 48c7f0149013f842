import { RabbitServer, RedisServer } from '@marquee/testing';
import type { Scratch } from './scratch.js';

export type OutsideBusKind = 'rabbitmq' | 'redis';
export type BusKind = 'local' | OutsideBusKind;

/** A server of the bench's own that carries claims, which can be killed. */
export type BusEngine = RabbitServer | RedisServer;

export async function startBus(scratch: Scratch, kind: OutsideBusKind): Promise<BusEngine> {
  const engine = await (kind === 'rabbitmq' ? RabbitServer.start() : RedisServer.start());
  scratch.defer(() => engine.remove());
  return engine;
}

import type { BusStatus } from '@marquee/contracts';
import type { BusDepths, BusHandler, Lane, OutsideBus } from '../bus/bus.js';
import type { RabbitmqBusOptions } from '../bus/rabbitmq-bus.js';
import type { Config } from '../config/config.js';
import { ClaimRoom } from '../dispatch/claim-room.js';
import { Claims } from '../dispatch/claims.js';
import type { Consumer } from '../dispatch/consumer.js';
import { type Buses, Dispatcher, type RateOf } from '../dispatch/dispatcher.js';
import { Pacer } from '../dispatch/pacer.js';
import { systemClock } from '../kit/clock.js';
import type { Ends } from '../kit/ends.js';
import type { Log } from '../kit/log.js';
import type { Metrics } from '../metrics.js';
import { isUnavailable } from '../store/database.js';
import { type Context, POLL_MS, actorErrors, channelRatesOf } from './context.js';

/** Claims that a worker sends at the same time, of all campaigns: most of them wait for receivers. */
export const MOST_MESSAGES = 64;
/** Claims of a campaign that wait for their moments: one is sent, one is prepared, one is on its way. */
export const PACED_MESSAGES = 3;
/** Claims of one campaign for each worker at an outside bus: as many as it sends, and those on their way there and back. */
const ON_THE_WAY = 8;
/**
 * What a worker takes off an outside bus at a time. Of the paced lane all: how much of a campaign is on its way is bounded where it is
 * claimed, and slow ones must not stand before fast ones.
 */
export const PREFETCH: Record<Lane, number> = { plain: MOST_MESSAGES, paced: 1000 };

/** Batches that a process claims for all workers at the same time: one after another, on a busy machine the workers would wait for them. */
const CLAIMS_AT_ONCE = 2;

const CONFIRM_MS = 5000;
/** What a worker that died has not begun is another's after one to two of these, ms. A worker that is held up for longer has it handed out twice, and once in vain. */
const REDIS_LOCK_MS = 5000;

/** The outside bus that BUS_URL names, where this process has a part in it; its library is loaded only then. */
export async function openBus(config: Config, log: Log, metrics: Metrics, ends: Ends): Promise<OutsideBus | undefined> {
  const { busUrl: url } = config;
  if (url === undefined || !config.roles.some((role) => role === 'dispatch' || role === 'worker' || role === 'api')) return undefined;
  const bus = await busAt(url, { url, log, metrics: metrics.bus, onError: actorErrors(log) });
  ends.add('the bus', () => bus.close());
  measure(bus, metrics);
  return bus;
}

async function busAt(url: string, options: Omit<RabbitmqBusOptions, 'confirmMs'>): Promise<OutsideBus> {
  if (/^redis/i.test(url)) {
    const { RedisBus } = await import('../bus/redis-bus.js');
    return new RedisBus({ ...options, lockMs: REDIS_LOCK_MS });
  }
  const { RabbitmqBus } = await import('../bus/rabbitmq-bus.js');
  return new RabbitmqBus({ ...options, confirmMs: CONFIRM_MS });
}

const DEPTHS: { name: string; help: string; value: (depths: BusDepths) => number }[] = [
  { name: 'marquee_bus_waiting', help: 'Messages of the bus that no worker has taken', value: ({ waiting }) => waiting },
  { name: 'marquee_bus_dead_letters', help: 'Messages of the bus that nobody could handle', value: ({ dead }) => dead },
];

function measure(bus: OutsideBus, metrics: Metrics): void {
  metrics.gauge('marquee_bus_connected', 'Whether this process reaches the bus', () => (bus.connected ? 1 : 0));
  metrics.gauges(() => bus.depths(), DEPTHS);
}

export async function statusOf(bus: OutsideBus | undefined): Promise<BusStatus> {
  if (bus === undefined) return { kind: 'local', connected: true, waiting: 0, deadLetters: 0 };
  const depths = await bus.depths().catch(() => undefined);
  return { kind: bus.kind, connected: bus.connected, waiting: depths?.waiting ?? null, deadLetters: depths?.dead ?? null };
}

/** Claims for all workers, and publishes. */
export function claimForWorkers(context: Context, bus: OutsideBus): void {
  const { config, log, ends, database, notifications } = context;
  const onError = actorErrors(log);
  const claims = new Claims(database, config.claimLeaseMs, (error) => onError(error, 'claims'));
  const pacer = new Pacer(database, systemClock, channelRatesOf(config));
  const room = new ClaimRoom(database, bus, claims, (perSecond, channel) => pacer.rateOf(perSecond, channel), {
    most: MOST_MESSAGES,
    ofOneCampaign: ON_THE_WAY,
    unbegun: PACED_MESSAGES,
    onError,
  });
  const buses = { plain: room.lane('plain'), paced: room.lane('paced') };
  const dispatchers = Array.from({ length: CLAIMS_AT_ONCE }, () => dispatcherOf(context, buses, claims, pacer));
  for (const dispatcher of dispatchers) {
    notifications.on('deliveries_due', () => dispatcher.wake());
    dispatcher.start();
  }
  ends.add('the claims given back', () => claims.stop());
  ends.add('what is being published', () => room.stop());
  ends.add('the dispatchers', async () => {
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
  });
}

export function dispatcherOf({ config, log, database, members }: Context, buses: Buses, claims: Claims, pacer: Pacer): Dispatcher {
  const rateOf: RateOf = (perSecond, channel) => pacer.rateOf(perSecond, channel);
  return new Dispatcher(database, buses, rateOf, claims, {
    process: members.id,
    batch: config.dispatchBatch,
    leaseMs: config.claimLeaseMs,
    pollMs: POLL_MS,
    onError: actorErrors(log),
  });
}

/**
 * Rejects for what another process may still do: when this one cannot reach the database. Whatever else fails, the consumer has given the claim back.
 * A bus that was cut off hands out again what is still being sent: that is passed over.
 */
export function handlerOf(consumer: Consumer, log: Log): BusHandler {
  const onError = actorErrors(log);
  const inHand = new Set<string>();
  return async (message, started) => {
    if (inHand.has(message.claimId)) return;
    inHand.add(message.claimId);
    try {
      await consumer.consume(message, started);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      onError(error, 'consumer');
    } finally {
      inHand.delete(message.claimId);
    }
  };
}

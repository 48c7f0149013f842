import { RabbitServer } from '@marquee/testing';
import { connect } from 'amqplib';
import type { ClickBroker } from '../../clicks/click-broker.js';
import { DatabaseBroker } from '../../clicks/brokers/database-broker.js';
import { RabbitmqBroker } from '../../clicks/brokers/rabbitmq-broker.js';
import { systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { Notifications } from '../../store/notifications.js';
import { Gate } from './gate.js';
import { openTestStore, type TestStore } from './store.js';

export interface DeadClick {
  messageId: string;
  reason: string;
  body: string;
}

/** A client of the broker's with its own way to it, which can be cut. */
export interface BrokerClient {
  broker: ClickBroker;
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** One kind of broker under test, the queue empty at first. */
export interface ClickBrokerHarness {
  /** A `patient` one is told of what is published, or never learns of it. */
  client(kind?: 'patient'): Promise<BrokerClient>;
  /** Those that are dead by now. */
  dead(): Promise<DeadClick[]>;
  close(): Promise<void>;
}

/** Short, so that what a dead consumer had is not long waited for. */
const LEASE_MS = 1000;
export const CONFIRM_MS = 1000;

export class DatabaseHarness implements ClickBrokerHarness {
  private constructor(readonly store: TestStore) {}

  static async open(): Promise<DatabaseHarness> {
    return new DatabaseHarness(await openTestStore());
  }

  async client(kind?: 'patient'): Promise<BrokerClient> {
    const url = new URL(this.store.url);
    const gate = await Gate.before(url.hostname, Number(url.port));
    url.host = `127.0.0.1:${gate.port}`;
    const database = new Database({ url: url.href, poolSize: 3, log: silentLog });
    const notifications = new Notifications(database, silentLog);
    const options = { confirmMs: CONFIRM_MS, leaseMs: LEASE_MS, pollMs: kind === 'patient' ? 60_000 : 200, onError: () => undefined };
    const broker = new DatabaseBroker(database, notifications, systemClock, options);
    await notifications.start();
    const close = async (): Promise<void> => {
      await broker.close();
      await notifications.stop();
      await database.close();
      await gate.shut();
    };
    return { broker, cut: () => gate.shut(), mend: () => gate.open(), close };
  }

  async dead(): Promise<DeadClick[]> {
    return await this.store.sql<{ messageId: string; reason: string; body: string }>(
      'select message_id as "messageId", reason, body from click_dead_letters order by id',
    );
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}

export class RabbitHarness implements ClickBrokerHarness {
  private constructor(readonly server: RabbitServer) {}

  static async open(): Promise<RabbitHarness> {
    return new RabbitHarness(await RabbitServer.start());
  }

  async client(): Promise<BrokerClient & { broker: RabbitmqBroker }> {
    const gate = await Gate.before('127.0.0.1', this.server.port);
    const url = new URL(this.server.url);
    url.port = String(gate.port);
    const options = { url: url.href, channels: 3, confirmMs: CONFIRM_MS, log: silentLog, onError: () => undefined };
    const broker = new RabbitmqBroker(options);
    await new Promise<void>((resolve) => broker.onConnectionChange((connected) => connected && resolve()));
    const close = async (): Promise<void> => {
      await broker.close();
      await gate.shut();
    };
    return { broker, cut: () => gate.shut(), mend: () => gate.open(), close };
  }

  /** Reads the dead letter queue and leaves it as it is. */
  async dead(): Promise<DeadClick[]> {
    const model = await connect(this.server.url);
    const channel = await model.createChannel();
    const found: DeadClick[] = [];
    for (let got = await channel.get('dlq.stats.events'); got !== false; got = await channel.get('dlq.stats.events')) {
      const { messageId, headers } = got.properties;
      found.push({ messageId: String(messageId), reason: String(headers?.['x-reason']), body: got.content.toString() });
    }
    await model.close();
    return found;
  }

  async close(): Promise<void> {
    await this.server.remove();
  }
}

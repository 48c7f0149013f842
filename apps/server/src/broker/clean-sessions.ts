import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { PublishPacket } from 'aedes';

const COMPARISONS_A_TURN = 5000;

interface Session {
  id: string;
}

interface Numbered {
  messageId?: number;
}

/**
 * The embedded broker's memory: retained messages, and what clean sessions need while they last (MQTT 3.1.1 §3.1.2.4).
 * Nothing is queued for clients that are away: redelivery belongs to the database, and a queue in memory has no bound.
 * aedes' own memory walks through every retained message for each subscribed topic, which for 20,000 screens that
 * subscribe to two topics each is 800 million comparisons; here a topic without wildcards is one look-up.
 */
export class CleanSessions {
  private readonly retained = new Map<string, PublishPacket>();
  /** QoS 2 messages between PUBLISH and PUBREL, by client and packet id. */
  private readonly incoming = new Map<string, Map<number, PublishPacket>>();

  async setup(): Promise<void> {}

  async storeRetained(packet: PublishPacket): Promise<void> {
    if (packet.payload.length === 0) this.retained.delete(packet.topic);
    else this.retained.set(packet.topic, { ...packet });
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.matching(filters));
  }

  private async *matching(filters: string[]): AsyncGenerator<PublishPacket> {
    let compared = 0;
    for (const filter of filters) {
      if (!/[+#]/.test(filter)) {
        const packet = this.retained.get(filter);
        if (packet !== undefined) yield packet;
        continue;
      }
      const levels = filter.split('/');
      for (const packet of this.retained.values()) {
        if (matches(levels, packet.topic)) yield packet;
        compared += 1;
        // One SUBSCRIBE may hold thousands of filters with wildcards: the others get their turn.
        if (compared % COMPARISONS_A_TURN === 0) await setImmediate();
      }
    }
  }

  async incomingStorePacket(client: Session, packet: PublishPacket): Promise<void> {
    let packets = this.incoming.get(client.id);
    if (packets === undefined) this.incoming.set(client.id, (packets = new Map()));
    packets.set(packet.messageId ?? 0, packet);
  }

  async incomingGetPacket(client: Session, packet: Numbered): Promise<PublishPacket> {
    const stored = this.incoming.get(client.id)?.get(packet.messageId ?? 0);
    if (stored === undefined) throw new Error('no such packet');
    return stored;
  }

  async incomingDelPacket(client: Session, packet: Numbered): Promise<void> {
    if (this.incoming.get(client.id)?.delete(packet.messageId ?? 0) !== true) throw new Error('no such packet');
  }

  async cleanIncoming(client: Session): Promise<void> {
    this.incoming.delete(client.id);
  }

  // What follows concerns sessions that outlive their connection, or brokers in a cluster: there are none.
  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}
  async cleanSubscriptions(): Promise<void> {}
  async subscriptionsByClient(): Promise<[]> {
    return [];
  }
  async subscriptionsByTopic(): Promise<[]> {
    return [];
  }
  async outgoingEnqueue(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingUpdate(): Promise<void> {}
  async outgoingClearMessageId(): Promise<undefined> {
    return undefined;
  }
  outgoingStream(): Readable {
    return Readable.from([]);
  }
  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }
  async destroy(): Promise<void> {}
}

/** MQTT 3.1.1 §4.7.1; topics that begin with $ are hidden from filters that begin with a wildcard (§4.7.2). */
function matches(filter: string[], topic: string): boolean {
  const levels = topic.split('/');
  if (topic.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false;
  for (const [index, word] of filter.entries()) {
    if (word === '#') return true;
    if (index >= levels.length || (word !== '+' && word !== levels[index])) return false;
  }
  return filter.length === levels.length;
}

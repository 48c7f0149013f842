import { parseDeviceTopic } from '@marquee/contracts';

/**
 * Which connection a device was said to be online on. A client that says DISCONNECT takes its will with it (MQTT 3.1.1 §3.14.4), and one
 * without a will has none: of a device that such a connection left online nobody else would say that it is gone. The connection
 * need not go by the device's id, and may speak for many.
 */
export class LastWords<Connection extends object> {
  private readonly speakers = new Map<string, Connection>();
  private readonly topics = new Map<Connection, Set<string>>();

  /** Notes what a connection publishes on a device's status topic; its will counts as a word. */
  note(connection: Connection, topic: string, payload: Buffer): void {
    if (parseDeviceTopic(topic)?.kind !== 'status') return;
    this.forget(topic);
    if (!saysOnline(payload)) return;
    this.speakers.set(topic, connection);
    let own = this.topics.get(connection);
    if (own === undefined) this.topics.set(connection, (own = new Set()));
    own.add(topic);
  }

  /** The connection ended: the status topics on which its was the last word, and that word was online. */
  ended(connection: Connection): string[] {
    const left = [...(this.topics.get(connection) ?? [])];
    for (const topic of left) this.forget(topic);
    return left;
  }

  private forget(topic: string): void {
    const connection = this.speakers.get(topic);
    if (connection === undefined) return;
    this.speakers.delete(topic);
    const own = this.topics.get(connection);
    own?.delete(topic);
    if (own?.size === 0) this.topics.delete(connection);
  }
}

function saysOnline(payload: Buffer): boolean {
  try {
    const said: unknown = JSON.parse(payload.toString('utf8'));
    return typeof said === 'object' && said !== null && 'status' in said && said.status === 'online';
  } catch {
    return false;
  }
}

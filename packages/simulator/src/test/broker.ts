import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import { type MqttClient, connectAsync } from 'mqtt';

export interface Heard {
  topic: string;
  body: Record<string, unknown>;
  retained: boolean;
}

/** A real broker on a free port, and a client of it that hears everything and speaks as the server does. */
export class TestBroker {
  readonly heard: Heard[] = [];
  private waiting: { wanted: (heard: Heard[]) => boolean; resolve: () => void }[] = [];

  private constructor(
    private readonly broker: Aedes,
    private readonly listener: ReturnType<typeof createServer>,
    private readonly client: MqttClient,
    readonly url: string,
  ) {}

  static async start(): Promise<TestBroker> {
    const broker = await Aedes.createBroker();
    const listener = createServer((socket) => void broker.handle(socket));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const url = `mqtt://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const client = await connectAsync(url, { protocolVersion: 4, clean: true });
    const test = new TestBroker(broker, listener, client, url);
    client.on('message', (topic, payload, { retain }) => test.hear(topic, payload, retain));
    await client.subscribeAsync(['devices/+/acks', 'devices/+/status'], { qos: 1 });
    return test;
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
    await new Promise<void>((resolve) => this.broker.close(resolve));
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  async tell(deviceId: string, kind: 'notifications' | 'control', message: unknown): Promise<void> {
    await this.client.publishAsync(`devices/${deviceId}/${kind}`, typeof message === 'string' ? message : JSON.stringify(message), {
      qos: 1,
    });
  }

  /** Resolves when that many messages on a device topic of this kind match; the test's time is the limit. */
  async until(kind: 'acks' | 'status', count: number, match: Record<string, unknown> = {}): Promise<Heard[]> {
    const wanted = (heard: Heard[]): boolean => this.find(kind, match, heard).length >= count;
    if (!wanted(this.heard)) await new Promise<void>((resolve) => this.waiting.push({ wanted, resolve }));
    return this.find(kind, match);
  }

  find(kind: 'acks' | 'status', match: Record<string, unknown> = {}, heard: Heard[] = this.heard): Heard[] {
    return heard.filter(
      ({ topic, body }) => topic.endsWith(`/${kind}`) && Object.entries(match).every(([key, value]) => body[key] === value),
    );
  }

  /** What the broker keeps for one who subscribes now; resolves when that many retained messages have come. */
  async retained(count: number): Promise<Record<string, unknown>[]> {
    const late = await connectAsync(this.url, { protocolVersion: 4, clean: true });
    const kept: Record<string, unknown>[] = [];
    const seen = new Promise<void>((resolve) => {
      late.on('message', (topic, payload, { retain }) => {
        if (retain) kept.push({ topic, ...(JSON.parse(payload.toString()) as Record<string, unknown>) });
        if (kept.length === count) resolve();
      });
    });
    await late.subscribeAsync('devices/#', { qos: 1 });
    await seen;
    await late.endAsync(true);
    return kept;
  }

  private hear(topic: string, payload: Buffer, retained: boolean): void {
    this.heard.push({ topic, body: JSON.parse(payload.toString()) as Record<string, unknown>, retained });
    const due = this.waiting.filter(({ wanted }) => wanted(this.heard));
    this.waiting = this.waiting.filter((each) => !due.includes(each));
    for (const { resolve } of due) resolve();
  }
}

export const CAMPAIGN = '0197f0a0-1111-7000-8000-000000000001';
const HOUR_MS = 3_600_000;

export function manifest(over: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Date.now();
  return {
    manifestId: '0197f0a0-2222-8000-8000-000000000001',
    campaignId: CAMPAIGN,
    version: 1,
    startAt: now + HOUR_MS,
    expireAt: now + 2 * HOUR_MS,
    templateUrl: `http://127.0.0.1:3000/templates/${CAMPAIGN}/index.html`,
    assets: [],
    ...over,
  };
}

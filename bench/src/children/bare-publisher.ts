import { type MqttClient, connectAsync } from 'mqtt';
import { epochNow } from '../epoch.js';
import { answerParent } from '../remote.js';
import { Acknowledged } from './acknowledged.js';
import type { Published, PublishWork } from './bare-broker.js';

/** The floor of an outside broker: mqtt.js publishing and hearing the acknowledgements, and nothing else. */
export type BarePublisherMethods = {
  connect: (broker: string) => Promise<void>;
  publish: (work: PublishWork) => Promise<Published>;
};

/** Packet ids have 16 bits; beyond it mqtt.js refuses. */
const MOST_IN_FLIGHT = 10_000;

let client: MqttClient | undefined;
const acknowledged = new Acknowledged();

async function publish({ deviceIds, payloads }: PublishWork): Promise<Published> {
  const connected = client;
  if (connected === undefined) throw new Error('not connected');
  const all = acknowledged.all(deviceIds.length * payloads.length);
  const startedAt = epochNow();
  let inFlight = 0;
  let room: () => void = () => undefined;
  for (const payload of payloads) {
    for (const id of deviceIds) {
      if (inFlight >= MOST_IN_FLIGHT) await new Promise<void>((resolve) => (room = resolve));
      inFlight += 1;
      connected.publish(`devices/${id}/notifications`, payload, { qos: 1 }, () => {
        inFlight -= 1;
        room();
      });
    }
  }
  return { startedAt, acknowledgedAt: await all };
}

const methods: BarePublisherMethods = {
  connect: async (broker) => {
    client = await connectAsync(broker, { protocolVersion: 4, clean: true });
    client.on('message', () => acknowledged.add());
    await client.subscribeAsync('devices/+/acks', { qos: 1 });
  },
  publish,
};

answerParent(methods);

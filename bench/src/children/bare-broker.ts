import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { epochNow } from '../epoch.js';
import { answerParent } from '../remote.js';
import { Acknowledged } from './acknowledged.js';

/** The floor of the embedded broker: aedes and nothing else. */
export type BareBrokerMethods = {
  listen: (port: number) => Promise<void>;
  publish: (work: PublishWork) => Promise<Published>;
};

export interface PublishWork {
  deviceIds: string[];
  /** One payload for each device, one after the other for all. */
  payloads: string[];
}
export interface Published {
  /** Epoch ms. */
  startedAt: number;
  /** When as many acknowledgements as manifests had come back. */
  acknowledgedAt: number;
}

/** Publishes in one turn of the event loop. */
const SLICE = 500;

const broker = await Aedes.createBroker({ concurrency: 2000 });
// Its memory walks through all retained messages for each topic of a subscription: 20,000 screens would need minutes to subscribe.
broker.authorizePublish = (_client, packet, done) => {
  packet.retain = false;
  done(null);
};
const acknowledged = new Acknowledged();
await new Promise<void>((resolve) => {
  broker.subscribe(
    'devices/+/acks',
    (_packet, done) => {
      acknowledged.add();
      done();
    },
    resolve,
  );
});

async function publish({ deviceIds, payloads }: PublishWork): Promise<Published> {
  const all = acknowledged.all(deviceIds.length * payloads.length);
  const startedAt = epochNow();
  let published = 0;
  for (const payload of payloads) {
    for (const id of deviceIds) {
      broker.publish({ cmd: 'publish', topic: `devices/${id}/notifications`, payload, qos: 1, retain: false, dup: false }, () => undefined);
      published += 1;
      if (published % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { startedAt, acknowledgedAt: await all };
}

const methods: BareBrokerMethods = {
  listen: (port) =>
    new Promise((resolve, reject) => {
      const listener = createServer({ noDelay: true }, (socket) => broker.handle(socket));
      listener.once('error', reject).listen(port, '127.0.0.1', resolve);
    }),
  publish,
};

answerParent(methods);

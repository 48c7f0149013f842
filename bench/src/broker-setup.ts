import { screenName } from '@marquee/simulator';
import { Api } from './api.js';
import type { BareBrokerMethods, Published, PublishWork } from './children/bare-broker.js';
import type { BarePublisherMethods } from './children/bare-publisher.js';
import type { FleetMethods } from './children/fleet.js';
import { startMosquitto } from './mosquitto-process.js';
import { freePorts } from './processes.js';
import { Remote } from './remote.js';
import type { Scratch } from './scratch.js';
import { type ServerProcess, startServer } from './server-process.js';

export type BrokerKind = 'embedded' | 'mosquitto';
export const PREFIX = 'bench-';

export type FleetProcess = Remote<FleetMethods>;

export interface OursSetup {
  server: ServerProcess;
  api: Api;
  fleet: FleetProcess;
}

/** The real server on its embedded broker or on a mosquitto of its own, its screens imported and subscribed. */
export async function setUpOurs(
  scratch: Scratch,
  kind: BrokerKind,
  screens: number,
  environment: Record<string, string> = {},
): Promise<OursSetup> {
  const outside = kind === 'mosquitto' ? { MQTT_URL: await startMosquitto(scratch) } : {};
  const server = await startServer(scratch, { ...outside, ...environment });
  const api = new Api(server.api);
  await api.importFleet(PREFIX, screens);
  return { server, api, fleet: await startFleet(scratch, server.broker, screens) };
}

export interface FloorSetup {
  fleet: FleetProcess;
  /** Publishes each payload to every screen with the bare library. */
  publish: (payloads: string[]) => Promise<Published>;
}

/** The bare library with the same screens: aedes in a process, or mqtt.js publishing through a second mosquitto. */
export async function setUpFloor(scratch: Scratch, kind: BrokerKind, screens: number): Promise<FloorSetup> {
  const deviceIds = Array.from({ length: screens }, (_, index) => screenName(PREFIX, index + 1));
  let publish: (work: PublishWork) => Promise<Published>;
  let broker: string;
  if (kind === 'mosquitto') {
    broker = await startMosquitto(scratch);
    const publisher = new Remote<BarePublisherMethods>(scratch, 'bare-publisher.js');
    await publisher.call('connect', broker);
    publish = (work) => publisher.call('publish', work);
  } else {
    const [port = 0] = await freePorts(1);
    const bare = new Remote<BareBrokerMethods>(scratch, 'bare-broker.js');
    await bare.call('listen', port);
    broker = `mqtt://127.0.0.1:${port}`;
    publish = (work) => bare.call('publish', work);
  }
  return { fleet: await startFleet(scratch, broker, screens), publish: (payloads) => publish({ deviceIds, payloads }) };
}

async function startFleet(scratch: Scratch, broker: string, screens: number): Promise<FleetProcess> {
  const fleet = new Remote<FleetMethods>(scratch, 'fleet.js');
  await fleet.call('start', { screens, broker, prefix: PREFIX });
  return fleet;
}

/** The same manifest of another campaign, byte for byte as long. */
export function asCampaign(manifest: string, from: string, to: string): string {
  return manifest.replaceAll(from, to);
}

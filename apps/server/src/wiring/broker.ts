import type { MessageHandler, ScreenBroker } from '../broker/broker.js';
import { parseBrokerAddress } from '../broker/broker-address.js';
import { OutsideBroker } from '../broker/outside-broker.js';
import { BrokerSeat } from '../broker/seat.js';
import { SharedBroker } from '../broker/shared-broker.js';
import type { Config } from '../config/config.js';
import { readTls } from '../http/server.js';
import { urlHost } from '../kit/hosts.js';
import type { Log } from '../kit/log.js';
import { allOffline } from '../screens/screens.store.js';
import type { Database } from '../store/database.js';
import { identityOf } from '../store/database-identity.js';
import { Lead } from '../store/lead.js';
import { actorErrors } from './context.js';

/** The lock of whoever takes what screens say from an outside broker. */
const INTAKE_LOCK = 7_301_120_520;

/** The screens' broker, and which of the processes with the role gateway takes what screens say: exactly one at a time. */
export interface GatewayBroker {
  readonly broker: ScreenBroker;
  /** Calls the listener when this process begins to be that one, and when it is not any more. */
  onLead(listener: (leads: boolean) => void): void;
  start(handler: MessageHandler): Promise<void>;
  /** Lets another process be that one: after the broker was stopped and all that it took is written. */
  leave(): Promise<void>;
  /** Address for players in a browser, as far as it is known here. */
  webSocketPort(): Promise<number>;
  /** Where MQTT is spoken, for the person at the terminal. */
  url(): Promise<string>;
}

export function openBroker(config: Config, database: Database, log: Log): GatewayBroker {
  return config.mqttUrl === undefined ? embedded(config, database, log) : outside(config, config.mqttUrl, database, log);
}

function embedded(config: Config, database: Database, log: Log): GatewayBroker {
  const { host, mqttPort: port, mqttWsPort: wsPort, tlsCert, tlsKey } = config;
  const broker = new SharedBroker({
    seat: new BrokerSeat(config.dataDir, log),
    database: () => identityOf(database),
    mayRun: config.roles.includes('gateway'),
    host,
    port,
    wsPort,
    tls: readTls(tlsCert, tlsKey),
    // Nobody is connected yet: whoever is online says so again.
    beforeScreens: async () => void (await database.run(allOffline, {})),
    onError: actorErrors(log),
    log,
  });
  return {
    broker,
    onLead: (listener) => broker.onRun(() => listener(true)),
    start: (handler) => broker.start(handler),
    leave: () => broker.leave(),
    webSocketPort: async () => (await broker.place()).wsPort,
    url: async () => {
      const place = await broker.place();
      return `${place.tls ? 'mqtts' : 'mqtt'}://${urlHost(place.host)}:${place.port}`;
    },
  };
}

function outside(config: Config, url: string, database: Database, log: Log): GatewayBroker {
  const broker = new OutsideBroker({ address: parseBrokerAddress(url), connections: config.mqttConnections, receives: false, log });
  const lead = new Lead(database, INTAKE_LOCK, log);
  lead.onChange((leads) => void broker.receive(leads));
  return {
    broker,
    onLead: (listener) => lead.onChange(listener),
    start: async (handler) => {
      await broker.start(handler);
      if (config.roles.includes('gateway')) lead.start();
    },
    leave: () => lead.stop(),
    webSocketPort: async () => config.mqttWsPort,
    url: async () => url,
  };
}

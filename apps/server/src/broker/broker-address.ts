import { StartError } from '../kit/errors.js';

/** Where an outside broker is, and as whom to speak to it. */
export interface BrokerAddress {
  host: string;
  port: number;
  tls: boolean;
  username?: string;
  password?: string;
  /** With tls: whatever certificate it shows will do. */
  unverified?: boolean;
}

const SCHEMES: Readonly<Record<string, { tls: boolean; port: number }>> = {
  'mqtt:': { tls: false, port: 1883 },
  'tcp:': { tls: false, port: 1883 },
  'mqtts:': { tls: true, port: 8883 },
  'ssl:': { tls: true, port: 8883 },
};

/** Reads MQTT_URL, credentials included. Throws a StartError that names it. */
export function parseBrokerAddress(text: string): BrokerAddress {
  if (!URL.canParse(text)) throw new StartError('MQTT_URL is no URL: give it as mqtt://host:1883 or mqtts://host:8883.');
  const url = new URL(text);
  const scheme = SCHEMES[url.protocol];
  // Acknowledging out of turn needs a socket of our own; brokers that speak WebSocket speak TCP as well.
  if (scheme === undefined || url.hostname === '')
    throw new StartError(`MQTT_URL must begin with mqtt://, mqtts:// or tcp:// and name a host, not ${url.protocol}//.`);
  const address: BrokerAddress = {
    // A URL keeps IPv6 addresses in brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? scheme.port : Number(url.port),
    tls: scheme.tls,
  };
  if (url.username !== '') address.username = decode(url.username);
  if (url.password !== '') address.password = decode(url.password);
  return address;
}

/** A password may hold a bare percent sign, which is no escape. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import { describe, expect, it } from 'vitest';
import { parseBrokerAddress } from './broker-address.js';

describe('parseBrokerAddress', () => {
  it.each([
    ['mqtt://broker', { host: 'broker', port: 1883, tls: false }],
    ['tcp://10.0.0.1:1884', { host: '10.0.0.1', port: 1884, tls: false }],
    ['mqtts://broker', { host: 'broker', port: 8883, tls: true }],
    ['mqtt://[::1]:1883', { host: '::1', port: 1883, tls: false }],
    ['mqtt://me:p%40ss@broker', { host: 'broker', port: 1883, tls: false, username: 'me', password: 'p@ss' }],
    ['mqtt://me:100%@broker', { host: 'broker', port: 1883, tls: false, username: 'me', password: '100%' }],
  ])('reads %s', (text, address) => {
    expect(parseBrokerAddress(text)).toEqual(address);
  });

  it.each(['', 'broker:1883', 'ws://broker:9001', 'http://broker', 'mqtt://', 'not a url'])('refuses %j in one sentence', (text) => {
    expect(() => parseBrokerAddress(text)).toThrow(
      expect.objectContaining({ name: 'StartError', message: expect.stringMatching(/^MQTT_URL [^.]*\.$|^MQTT_URL .*\.$/) }),
    );
  });
});

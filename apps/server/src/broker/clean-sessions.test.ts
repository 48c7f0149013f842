import type { PublishPacket } from 'aedes';
import { describe, expect, it } from 'vitest';
import { CleanSessions } from './clean-sessions.js';

function status(topic: string, payload = 'online'): PublishPacket {
  return { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false };
}

async function retained(sessions: CleanSessions, ...filters: string[]): Promise<string[]> {
  const packets: PublishPacket[] = await sessions.createRetainedStreamCombi(filters).toArray();
  return packets.map((packet) => packet.topic);
}

describe('CleanSessions', () => {
  it('finds retained messages as MQTT 3.1.1 §4.7 has it', async () => {
    const sessions = new CleanSessions();
    for (const topic of ['devices/a/status', 'devices/b/status', 'devices//status', 'devices/a', 'devices', '$SYS/x', '/devices'])
      await sessions.storeRetained(status(topic));
    expect(await retained(sessions, 'devices/a/status')).toEqual(['devices/a/status']);
    expect(await retained(sessions, 'devices/+/status')).toEqual(['devices/a/status', 'devices/b/status', 'devices//status']);
    expect(await retained(sessions, 'devices/#')).toEqual([
      'devices/a/status',
      'devices/b/status',
      'devices//status',
      'devices/a',
      'devices',
    ]);
    expect(await retained(sessions, '+')).toEqual(['devices']);
    expect(await retained(sessions, '+/+')).toEqual(['devices/a', '/devices']);
    expect(await retained(sessions, '#')).not.toContain('$SYS/x');
    expect(await retained(sessions, '$SYS/+')).toEqual(['$SYS/x']);
    expect(await retained(sessions, 'devices/a/status', 'devices/b/status')).toEqual(['devices/a/status', 'devices/b/status']);
  });

  it('forgets a retained message when an empty one comes (§3.3.1.3)', async () => {
    const sessions = new CleanSessions();
    await sessions.storeRetained(status('devices/a/status'));
    await sessions.storeRetained(status('devices/a/status', ''));
    expect(await retained(sessions, '#')).toEqual([]);
  });

  it('keeps a QoS 2 message until it is released or its session ends', async () => {
    const sessions = new CleanSessions();
    const [one, two] = [{ id: 'constructor' }, { id: 'two' }];
    for (const client of [one, two]) await sessions.incomingStorePacket(client, { ...status('t'), messageId: 7 });
    expect((await sessions.incomingGetPacket(one, { messageId: 7 })).topic).toBe('t');
    await sessions.incomingDelPacket(one, { messageId: 7 });
    await expect(sessions.incomingGetPacket(one, { messageId: 7 })).rejects.toThrow('no such packet');
    await expect(sessions.incomingDelPacket(one, { messageId: 7 })).rejects.toThrow('no such packet');
    await sessions.cleanIncoming(two);
    await expect(sessions.incomingGetPacket(two, { messageId: 7 })).rejects.toThrow('no such packet');
  });
});

/** Device ids are used in topics, so they hold none of MQTT's separators or wildcards (MQTT 3.1.1 §4.7). */
export const DEVICE_ID_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;

export type DeviceTopic = 'notifications' | 'control' | 'acks' | 'status';

/** The topic of one device: manifests, control, its events, its retained presence. */
export function deviceTopic(deviceId: string, kind: DeviceTopic): string {
  return `devices/${deviceId}/${kind}`;
}

/** The filter that matches one kind of topic of every device. */
export function everyDevice(kind: DeviceTopic): string {
  return `devices/+/${kind}`;
}

/** The device and kind that a topic names, or undefined when it is no device topic of ours. */
export function parseDeviceTopic(topic: string): { deviceId: string; kind: DeviceTopic } | undefined {
  const [root, deviceId, kind, ...rest] = topic.split('/');
  if (root !== 'devices' || deviceId === undefined || rest.length > 0 || !DEVICE_ID_PATTERN.test(deviceId)) return undefined;
  if (kind !== 'notifications' && kind !== 'control' && kind !== 'acks' && kind !== 'status') return undefined;
  return { deviceId, kind };
}

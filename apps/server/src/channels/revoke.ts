import { type ControlMessage, deviceTopic } from '@marquee/contracts';
import type { Publish } from './screen-channel.js';

/** Tells one screen to drop one campaign. Rejects when that could not be handed over; whoever asked comes again. */
export function revokeBy(publish: Publish): (deviceId: string, campaignId: string) => Promise<void> {
  return async (deviceId, campaignId) => {
    const message: ControlMessage = { type: 'revoke', campaignId };
    await publish(deviceTopic(deviceId, 'control'), Buffer.from(JSON.stringify(message)));
  };
}

import { parseDeviceTopic } from '@marquee/contracts';
import type { Acknowledgements } from './acknowledgements.js';
import type { Presence } from './presence.js';

/** What arrives from screens, by topic. Resolves when it may be acknowledged (MQTT 3.1.1 §4.3.2). */
export class Intake {
  constructor(
    private readonly acknowledgements: Acknowledgements,
    private readonly presence: Presence,
  ) {}

  async take(message: { topic: string; payload: Buffer; retained: boolean }): Promise<void> {
    const kind = parseDeviceTopic(message.topic)?.kind;
    if (kind === 'acks') await this.acknowledgements.take(message.topic, message.payload);
    // An empty payload clears the retained status (MQTT 3.1.1 §3.3.1.3): it says nothing of the screen.
    else if (kind === 'status' && message.payload.length > 0) this.presence.take(message.topic, message.payload, message.retained);
  }

  /** Resolves when all that was taken is written, or cannot be. */
  async stop(): Promise<void> {
    await Promise.all([this.acknowledgements.drain(), this.presence.stop()]);
  }
}

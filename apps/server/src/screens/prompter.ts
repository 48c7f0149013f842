import { type ControlMessage, deviceTopic } from '@marquee/contracts';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Log } from '../kit/log.js';
import type { Database } from '../store/database.js';
import { takeControls } from './controls.store.js';
import { takeReplays } from './sequences.store.js';

export interface PrompterOptions {
  /** Of a replay that brought nothing: when it is asked for first again, ms; then ever slower, up to an hour. */
  waitMs: number;
  /** Screens asked for a replay in one second, at most. */
  replaysPerSecond: number;
  pollMs: number;
  onError: OnActorError;
  onReplay: (count: number) => void;
  onLost: (count: number) => void;
}

/** A replay that nobody answered so often (over two hours of being online) never will be. */
const MOST_ASKS = 10;
const MAX_WAIT_MS = 3_600_000;
const CONTROLS_A_TURN = 200;
/** What a person asked for and was not told by then surprises whoever stands before the screen. */
const CONTROL_MAX_AGE_MS = 15_000;

/** Tells screens on their control topic what they are to do: to send again what is missing of their events, and what people ask of them. */
export class Prompter extends Actor {
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly publish: (topic: string, payload: Buffer) => Promise<void>,
    private readonly options: PrompterOptions,
    private readonly log: Log,
  ) {
    super('prompter', options.onError);
  }

  protected override async turn(): Promise<number> {
    const controls = await this.database.run(takeControls, { most: CONTROLS_A_TURN, maxAgeMs: CONTROL_MAX_AGE_MS });
    await Promise.all(
      controls.filter(({ fresh }) => fresh).map(({ device_id, message }) => this.tell(device_id, message as ControlMessage)),
    );
    // A request may wake it at any moment; replays keep to their pace all the same.
    const now = performance.now();
    if (now - this.askedAt >= 1000) {
      this.askedAt = now;
      await this.askForReplays();
    }
    return controls.length === CONTROLS_A_TURN ? 0 : this.options.pollMs;
  }

  private async askForReplays(): Promise<void> {
    const { waitMs, replaysPerSecond: most } = this.options;
    const due = await this.database.run(takeReplays, { most, mostAsks: MOST_ASKS, waitMs, maxMs: MAX_WAIT_MS });
    let asked = 0;
    let lost = 0;
    for (const screen of due) {
      lost += screen.lost;
      if (!screen.online || screen.from_seq === null) continue;
      asked += 1;
      // Numbers of ours begin before those of any screen.
      await this.tell(screen.device_id, { type: 'replay', fromSeq: Math.max(0, screen.from_seq) });
    }
    if (asked > 0) this.options.onReplay(asked);
    if (lost > 0) {
      this.options.onLost(lost);
      this.log.warn({ lost }, 'events were asked for and never came: they are lost');
    }
  }

  /** Nothing is done about one that cannot be handed over: replays come again, and a person does. */
  private async tell(deviceId: string, message: ControlMessage): Promise<void> {
    await this.publish(deviceTopic(deviceId, 'control'), Buffer.from(JSON.stringify(message))).catch((error: unknown) =>
      this.log.debug({ err: error, device: deviceId, type: message.type }, 'a control message could not be handed over'),
    );
  }
}

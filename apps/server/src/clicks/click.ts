import type { ClickSource } from '@marquee/contracts';

/** A click as it travels: the value of the message, and the keys that the fields have in it (see docs/clicks.md). */
export interface ClickEvent {
  /** A UUID, the client's or ours: the same one again is the same click. */
  messageId: string;
  /** '' of a scan. */
  uid: string;
  adId: string;
  adType: string;
  /** Epoch ms at which it was accepted; in the message a decimal string. */
  clickedAt: number;
  /** As CLICK_IP keeps it. */
  ip: string;
  source: ClickSource;
  campaignId?: string;
  creativeId?: string;
  deviceId?: string;
  agent?: string;
}

/** One acceptance, unique for ever: the process by its number in click_processes, and a number that the process gives. */
export interface Acceptance {
  process: number;
  seq: number;
}

/** A click on its way: what the broker, the fallback and the dead letters carry. */
export interface ClickMessage extends Acceptance {
  messageId: string;
  /** JSON of the event, UTF-8. */
  body: string;
}

const MINUTE_MS = 60_000;

/** The minute of the ledger that a click belongs to, everywhere: that of its clickedAt. Epoch ms at which it begins. */
export function minuteOf(clickedAt: number): number {
  return clickedAt - (clickedAt % MINUTE_MS);
}

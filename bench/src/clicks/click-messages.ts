import { randomUUID } from 'node:crypto';

/** A click on its way, as the publisher writes it. */
export interface BenchMessage {
  messageId: string;
  body: string;
  process: number;
  seq: number;
}

/** Beyond the numbers that servers of a bench are given. */
const PROCESS = 1_000_000;
const ADS = 20;

/** So many clicks of now, by a thousand users on twenty ads. */
export function clickMessages(n: number, from = 0): BenchMessage[] {
  const clickedAt = Date.now();
  return Array.from({ length: n }, (_, index) => {
    const seq = from + index + 1;
    const messageId = randomUUID();
    const event = {
      messageId,
      uid: `user-${String(seq % 1000).padStart(4, '0')}`,
      adId: `ad-${seq % ADS}`,
      adType: 'banner',
      clickedAt: String(clickedAt),
      ip: '127.0.0.0',
      source: 'api',
      campaignId: `0190a1b2-0000-7000-8000-00000000000${seq % 5}`,
      agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    };
    return { messageId, body: JSON.stringify(event), process: PROCESS, seq };
  });
}

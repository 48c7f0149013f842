import type { Bus, BusHandler, BusMessage, Room } from './bus.js';

export interface LocalBusOptions {
  /** Most messages of one campaign at a time: its batches need no more to follow each other without a gap. */
  ofOneCampaign: number;
  /** Most messages in all, and of these a campaign has at most half of what the others have left, so that the next one finds room. */
  most: number;
  onError: (error: unknown) => void;
}

/** The bus inside one process: some messages of a campaign at a time, so a process claims only what it can begin at once. */
export class LocalBus implements Bus {
  private handler: BusHandler | undefined;
  private readonly running = new Set<Promise<void>>();
  /** Messages that take up room, of each campaign and in all. */
  private readonly taken = new Map<string, number>();
  private total = 0;
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly options: LocalBusOptions) {}

  /** Hands messages to the handler. One that throws has dealt with its message: the rows wait for their lease. */
  subscribe(handler: BusHandler): void {
    this.handler = handler;
  }

  publish(message: BusMessage): Promise<void> {
    const { handler } = this;
    if (handler === undefined) return Promise.reject(new Error('nobody consumes the local bus'));
    const free = this.take(message.campaignId);
    const work = handler(message, free)
      .catch(this.options.onError)
      .finally(() => {
        this.running.delete(work);
        free();
      });
    this.running.add(work);
    return Promise.resolve();
  }

  room(campaignId: string): Room {
    const { ofOneCampaign, most } = this.options;
    if (this.total >= most) return 'full';
    const own = this.taken.get(campaignId) ?? 0;
    const fair = Math.max(1, Math.floor((most - (this.total - own)) / 2));
    return own < Math.min(ofOneCampaign, fair) ? 'free' : 'enough';
  }

  onRoom(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Resolves when all handlers have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Takes up room for a message; answers what frees it, once. */
  private take(campaignId: string): () => void {
    this.total += 1;
    this.taken.set(campaignId, (this.taken.get(campaignId) ?? 0) + 1);
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      this.total -= 1;
      const left = (this.taken.get(campaignId) ?? 1) - 1;
      if (left > 0) this.taken.set(campaignId, left);
      else this.taken.delete(campaignId);
      for (const listener of this.listeners) listener();
    };
  }
}

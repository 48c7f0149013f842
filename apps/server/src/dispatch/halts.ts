/** One claim that is being sent. */
export interface Halt {
  /** A pause or cancel stands above it: nothing of it that has not started starts any more. */
  readonly called: boolean;
  /** Resolves when it is called, if ever. */
  readonly call: Promise<void>;
}

interface Running extends Halt {
  called: boolean;
  epoch: number;
  resolve: () => void;
}

/**
 * Tells those who are sending of a campaign that it was paused or cancelled, so that they let its lock go at once and nobody waits for sends
 * that may start later. A hint: whoever does not hear it is held up by the lock and by begin.
 */
export class Halts {
  private readonly running = new Map<string, Set<Running>>();

  /** What is sent of this claim's epoch, until `leave`. */
  enter(campaignId: string, epoch: number): Halt & { leave(): void } {
    let resolve: () => void = () => undefined;
    const call = new Promise<void>((called) => {
      resolve = called;
    });
    const running: Running = { called: false, call, epoch, resolve };
    const all = this.running.get(campaignId) ?? new Set();
    this.running.set(campaignId, all.add(running));
    const leave = (): void => {
      all.delete(running);
      if (all.size === 0 && this.running.get(campaignId) === all) this.running.delete(campaignId);
    };
    return Object.assign(running, { leave });
  }

  /**
   * The campaign was paused or cancelled in this epoch. A resume begins the next and takes back what was claimed in this, so claims of this
   * epoch are over whatever came since; those of later ones are left alone.
   */
  callOff(campaignId: string, epoch: number): void {
    for (const running of this.running.get(campaignId) ?? []) {
      if (running.epoch > epoch) continue;
      running.called = true;
      running.resolve();
    }
  }
}

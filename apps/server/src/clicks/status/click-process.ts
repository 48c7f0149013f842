import { type ClickProcess as Said, clickProcess } from '@marquee/contracts';
import { Actor, type OnActorError } from '../../kit/actor.js';
import type { Runner } from '../../store/database.js';
import { endClickProcess, enterClickProcess, sayClickProcess } from './click-processes.store.js';

/** What a process can tell of itself beside its number, its name and the time. */
export type Told = Omit<Said, 'process' | 'name' | 'startedAt' | 'at' | 'depths'>;
/** How much waits outside of the process; each rejects when it cannot be told now. */
export interface Depths {
  queue(): Promise<number>;
  fallback(): Promise<number>;
}

const DEPTH_MS = 1000;

export interface ClickProcessOptions {
  intervalMs: number;
  onError: OnActorError;
}

/** The number of a process of the role clicks. */
export interface EnteredProcess {
  id: number;
  name: string;
  /** Epoch ms. */
  startedAt: number;
}

export async function enter(database: Runner, name: string): Promise<EnteredProcess> {
  const [entered] = await database.run(enterClickProcess, { name });
  if (entered === undefined) throw new Error('a process of the role clicks could not be entered');
  return { id: entered.id, name, startedAt: entered.started_at };
}

/** Says some times a second in the database how this process is; silent while the database is away. */
export class ClickProcess extends Actor {
  private depths: Said['depths'] = { queue: null, fallback: null };
  private depthsAt = Number.NEGATIVE_INFINITY;
  private measuring: Promise<void> | undefined;
  private saidAccepting = false;

  constructor(
    private readonly database: Runner,
    private readonly entered: EnteredProcess,
    private readonly tell: () => Told,
    private readonly outside: Depths,
    private readonly options: ClickProcessOptions,
  ) {
    super('click process', options.onError);
  }

  /** True once the database has it that this process accepts clicks: when it falls silent, the ledger asks what it had in memory. */
  get liable(): boolean {
    return this.saidAccepting;
  }

  /** How it is now. */
  say(): Said {
    const { id: process, name, startedAt } = this.entered;
    return { process, name, startedAt, at: Date.now(), ...this.tell(), depths: this.depths };
  }

  /** Says that it ended with nothing in memory. */
  async end(): Promise<void> {
    await this.database.run(sayClickProcess, { id: this.entered.id, said: JSON.stringify(this.say()) });
    await this.database.run(endClickProcess, { id: this.entered.id });
  }

  protected async turn(): Promise<number> {
    this.measure();
    const said = this.say();
    await this.database.run(sayClickProcess, { id: this.entered.id, said: JSON.stringify(said) });
    this.saidAccepting ||= hasAccepted(said);
    return this.options.intervalMs;
  }

  /** Beside the turns: a broker that does not answer must not silence us. */
  private measure(): void {
    if (this.measuring !== undefined || performance.now() - this.depthsAt < DEPTH_MS) return;
    const { outside } = this;
    this.measuring = Promise.all([orNull(outside.queue()), orNull(outside.fallback())]).then(([inQueue, inFallback]) => {
      this.depths = { queue: inQueue, fallback: inFallback };
      this.depthsAt = performance.now();
      this.measuring = undefined;
    });
  }
}

/** A process that never accepted a click had none in memory. */
export function hasAccepted({ counters }: Pick<Said, 'counters'>): boolean {
  return counters.accepted > 0;
}

function orNull(depth: Promise<number>): Promise<number | null> {
  return depth.catch(() => null);
}

/** What somebody said, where it is what a process says. */
export function readSaid(said: unknown): Said | undefined {
  return clickProcess.safeParse(said).data;
}

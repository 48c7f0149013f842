import { CIRCUIT_STATES, CLICK_COUNTERS, type CircuitState, type ClickProcess, type ClicksStatus } from '@marquee/contracts';
import type { Runner } from '../../store/database.js';
import { countDeadLetters } from '../dead-letters/dead-letters.store.js';
import { readSaid } from './click-process.js';
import { livingClickProcesses } from './click-processes.store.js';

/** A process that has said nothing for so long is not there, ms. */
const SILENT_MS = 5000;
const WORST_FIRST: readonly CircuitState[] = ['OPEN', 'HALF_OPEN', 'CLOSED'];

/** How the clicks are, over all processes that take part. */
export class Statuses {
  constructor(
    private readonly database: Runner,
    /** Of this process, where it has the role clicks: known also while the database is away. */
    private readonly own?: () => ClickProcess,
  ) {}

  /** Rejects when the database cannot be asked, but in a process that has the role clicks, which then speaks for itself alone. */
  async read(): Promise<ClicksStatus> {
    const own = this.own?.();
    const others = await this.others(own).catch((error: unknown) => {
      if (own === undefined) throw error;
      return { processes: [], deadLetters: null };
    });
    return over(own === undefined ? others.processes : [...others.processes, own], others.deadLetters);
  }

  private async others(own: ClickProcess | undefined): Promise<{ processes: ClickProcess[]; deadLetters: number | null }> {
    const [rows, [dead]] = await Promise.all([
      this.database.run(livingClickProcesses, { silentMs: SILENT_MS }),
      this.database.run(countDeadLetters, {}),
    ]);
    const processes = rows.flatMap(({ said, said_at: at }) => {
      const each = readSaid(said);
      return each === undefined || each.process === own?.process ? [] : [{ ...each, at }];
    });
    return { processes, deadLetters: dead?.n ?? null };
  }
}

function over(processes: ClickProcess[], dlqDepth: number | null): ClicksStatus {
  const sum = (of: (process: ClickProcess) => number): number => processes.reduce((total, process) => total + of(process), 0);
  const newest = [...processes].sort((a, b) => b.at - a.at);
  return {
    circuit: WORST_FIRST.find((state) => processes.some((process) => process.circuit.state === state)) ?? CIRCUIT_STATES[0],
    publisher: {
      ack: newest[0]?.ack ?? 'accepted',
      connected: processes.length > 0 && processes.every((process) => process.broker.connected),
      memory: sum((process) => process.memory.clicks),
      bound: sum((process) => process.memory.bound),
    },
    queueDepth: newest.find((process) => process.depths.queue !== null)?.depths.queue ?? null,
    fallbackDepth: newest.find((process) => process.depths.fallback !== null)?.depths.fallback ?? null,
    dlqDepth,
    counters: Object.fromEntries(
      CLICK_COUNTERS.map((counter) => [counter, sum((process) => process.counters[counter])]),
    ) as ClicksStatus['counters'],
    processes: [...processes].sort((a, b) => a.process - b.process),
  };
}

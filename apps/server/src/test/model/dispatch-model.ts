import type { SendResult } from '../../channels/channel.js';

export interface ModelRow {
  status: string;
  attempt: number;
  doubt: boolean;
  claim: string | undefined;
  epoch: number;
}

const OPEN = ['PENDING', 'IN_PROGRESS', 'SENDING'];
type Verdict = 'SUCCESS' | 'FAILED' | 'PENDING' | 'UNKNOWN';

/** What the protocol says becomes of the deliveries of one campaign, step by step. The database must say the same after each. */
export class DispatchModel {
  readonly rows = new Map<string, ModelRow>();
  epoch = 0;
  paused = false;
  status: 'active' | 'completed' | 'cancelled' = 'active';

  constructor(
    ids: string[],
    private readonly safe: boolean,
  ) {
    for (const id of ids) this.rows.set(id, { status: 'PENDING', attempt: 0, doubt: false, claim: undefined, epoch: 0 });
  }

  get runs(): boolean {
    return !this.paused && this.status === 'active';
  }

  of(status: string): ModelRow[] {
    return [...this.rows.values()].filter((row) => row.status === status);
  }

  /** Which rows a claim gets is the database's choice. */
  claim(ids: string[], claim: string): void {
    for (const id of ids) Object.assign(this.row(id), { status: 'IN_PROGRESS', claim, epoch: this.epoch });
  }

  /** The rows of a message that may begin. */
  begin(ids: string[], claim: string, epoch: number): string[] {
    const won = ids.filter((id) => {
      const row = this.row(id);
      return this.runs && row.status === 'IN_PROGRESS' && row.claim === claim && row.epoch === epoch;
    });
    for (const id of won) Object.assign(this.row(id), { status: 'SENDING', attempt: this.row(id).attempt + 1 });
    return won;
  }

  settle(id: string, attempt: number, result: SendResult): void {
    const row = this.row(id);
    if (row.attempt !== attempt || !['SENDING', 'UNKNOWN'].includes(row.status)) return;
    const verdict = this.verdict(result);
    row.status = row.status === 'UNKNOWN' && verdict === 'PENDING' ? 'FAILED' : verdict;
    row.doubt ||= result.outcome === 'RETRY' && result.ambiguous;
  }

  /** Of claims that are given up: what was not begun waits again; of what was, nobody knows. */
  rescue(claims: Set<string>): void {
    for (const row of this.rows.values()) {
      if (row.claim === undefined || !claims.has(row.claim)) continue;
      if (row.status === 'SENDING') Object.assign(row, { status: this.safe ? 'PENDING' : 'UNKNOWN', doubt: true });
      if (row.status === 'IN_PROGRESS') row.status = 'PENDING';
    }
  }

  /** How many are rewound, or undefined where there is nothing to resume. */
  resume(): number | undefined {
    if (!this.paused || this.status !== 'active') return undefined;
    const held = this.of('IN_PROGRESS');
    for (const row of held) row.status = 'PENDING';
    this.paused = false;
    this.epoch += 1;
    return held.length;
  }

  sweep(): void {
    if (this.status !== 'cancelled') return;
    for (const row of [...this.of('PENDING'), ...this.of('IN_PROGRESS')]) row.status = row.doubt ? 'UNKNOWN' : 'CANCELLED';
  }

  retry(status: 'FAILED' | 'UNKNOWN'): number {
    const ended = this.of(status);
    for (const row of ended) Object.assign(row, { status: 'PENDING', doubt: row.doubt || status === 'UNKNOWN' });
    this.status = 'active';
    return ended.length;
  }

  complete(): void {
    if (this.status !== 'active' || OPEN.some((status) => this.of(status).length > 0)) return;
    this.status = 'completed';
    this.paused = false;
  }

  row(id: string): ModelRow {
    const row = this.rows.get(id);
    if (row === undefined) throw new Error(`no delivery ${id}`);
    return row;
  }

  private verdict(result: SendResult): Verdict {
    if (result.outcome === 'SUCCESS' || result.outcome === 'FAILED') return result.outcome;
    return result.outcome === 'RETRY' && result.ambiguous && !this.safe ? 'UNKNOWN' : 'PENDING';
  }
}

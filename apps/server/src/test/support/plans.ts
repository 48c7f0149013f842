import pg from 'pg';
import { expect } from 'vitest';
import type { Shape, Statement, ValuesOf } from '../../store/statement.js';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  'Actual Loops'?: number;
  Plans?: PlanNode[];
}

/** How the database goes about statements, each run for real and taken back. */
export class Plans {
  private constructor(
    private readonly client: pg.Client,
    private readonly large: readonly string[],
  ) {}

  /** `large`: tables that no statement may walk through. */
  static async open(url: string, large: readonly string[]): Promise<Plans> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Plans(client, large);
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  /**
   * The first execution is planned for its values, the sixth may be by a generic plan: neither may walk a large table, or look at `removed` rows in
   * vain.
   */
  async expect<Takes extends Shape>(statement: Statement<Takes>, args: ValuesOf<Takes>, removed: number): Promise<void> {
    await this.client.query(`prepare ${statement.name} as ${statement.sql}`);
    for (let execution = 1; execution <= 6; execution += 1) {
      const nodes = await this.planOf(statement, args);
      if (execution !== 1 && execution !== 6) continue;
      const scans = nodes.filter((node) => node['Node Type'] === 'Seq Scan' && this.large.includes(node['Relation Name'] ?? ''));
      expect(scans, `${statement.name}, execution ${execution}`).toEqual([]);
      const wasted = nodes.map(
        (node) => ((node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)) * (node['Actual Loops'] ?? 1),
      );
      expect(Math.max(...wasted), `${statement.name}, execution ${execution}`).toBeLessThan(removed);
    }
    await this.client.query(`deallocate ${statement.name}`);
  }

  /** Explains one execution of a prepared statement for real and takes its effects back. */
  private async planOf<Takes extends Shape>(statement: Statement<Takes>, args: ValuesOf<Takes>): Promise<PlanNode[]> {
    await this.client.query('begin');
    const values = statement.parameters.map((name) => `${literal(args[name])}::${statement.takes[name]?.sql ?? ''}`);
    const { rows } = await this.client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `explain (analyze, format json) execute ${statement.name}${values.length === 0 ? '' : `(${values.join(', ')})`}`,
    );
    await this.client.query('rollback');
    const [row] = rows;
    const [explained] = row?.['QUERY PLAN'] ?? [];
    if (explained === undefined) throw new Error('nothing was explained');
    return nodesOf(explained.Plan);
  }
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function literal(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `array[${value.map(literal).join(',')}]`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') throw new TypeError('cannot be written as SQL');
  return pg.escapeLiteral(value);
}

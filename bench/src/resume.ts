import { randomUUID } from 'node:crypto';
import { claimDeliveries } from '@marquee/server/deliveries/deliveries.store';
import pg from 'pg';
import { Api } from './api.js';
import { createRehearsal, targeted } from './rehearsal.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { percentile, rounded } from './statistics.js';

export interface ResumeOptions {
  n: number;
  held: number;
  runs: number;
}

const BATCH = 500;
const LEASE_MS = 600_000;

/** A paused campaign of a million of which some are claimed: how long a resume takes to answer. */
export async function benchResume({ n, held, runs }: ResumeOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch, { ROLES: 'api,dispatch,gateway' });
    const api = new Api(server.api);
    const client = new pg.Client({ connectionString: server.databaseUrl });
    await client.connect();
    scratch.defer(() => client.end());
    const id = await createRehearsal(api, n);
    const { executionId } = await api.post<{ executionId: string }>(`/campaigns/${id}/dispatch`);
    await targeted(client, executionId);
    const rewinds: number[] = [];
    const resumes: number[] = [];
    const floors: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      for (let from = 0; from < held; from += BATCH) await claim(client, id, executionId, Math.min(BATCH, held - from));
      floors.push(await bareRewind(client, executionId));
      await api.post(`/campaigns/${id}/pause`);
      const from = performance.now();
      const { rewound } = await api.post<{ rewound: number }>(`/campaigns/${id}/resume`);
      resumes.push(performance.now() - from);
      rewinds.push(rewound);
    }
    const ours = { p50Ms: rounded(percentile(resumes, 0.5)), mostMs: rounded(Math.max(...resumes)), rewound: Math.min(...rewinds) };
    const floor = { p50Ms: rounded(percentile(floors, 0.5)) };
    await report({
      bench: 'resume',
      options: { n, held, runs },
      ours,
      floor,
      ratio: { p50: rounded(ours.p50Ms / floor.p50Ms) },
      targets: { 'under 300 ms': ours.mostMs < 300, 'all that was held': ours.rewound === held },
      runs: { floors, ours: resumes },
    });
  });
}

async function claim(client: pg.Client, campaign: string, execution: string, most: number): Promise<void> {
  const values = { campaign, execution, claim: randomUUID(), most, leaseMs: LEASE_MS } as Record<string, unknown>;
  await client.query(
    claimDeliveries.sql,
    claimDeliveries.parameters.map((name) => values[name]),
  );
}

/** The same update of the same rows and nothing else, taken back. */
async function bareRewind(client: pg.Client, execution: string): Promise<number> {
  await client.query('begin');
  const from = performance.now();
  await client.query(
    `update deliveries d set status = 'PENDING', next_attempt_at = now()
     from claims k cross join lateral unnest(k.delivery_ids) as held(id)
     where k.execution_id = $1 and d.id = held.id and d.claim_id = k.id and d.status = 'IN_PROGRESS'`,
    [execution],
  );
  const tookMs = performance.now() - from;
  await client.query('rollback');
  return tookMs;
}

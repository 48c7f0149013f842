import { randomBytes, randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { answerParent } from '../remote.js';

/** The floor of the API: Fastify and pg, and nothing else. Each answers its port. */
export type BareHttpMethods = {
  /** `GET /` answers these bytes as JSON. */
  serveBytes: (text: string) => Promise<number>;
  /** `POST /` inserts one campaign, its assets and its fact in one transaction. */
  serveCreates: (databaseUrl: string) => Promise<number>;
};

/** As many as the server's own pool has for requests. */
const CONNECTIONS = 10;

interface Body {
  name: string;
  startAt: number;
  expireAt: number;
  assets: { assetType: string; url: string; durationMs: number }[];
  idempotencyKey: string;
}

const INSERT = `
  with campaign as (
    insert into campaigns (id, name, start_at, expire_at, idempotency_key, request_sha256, first_answer)
    values ($1, $2, $3, $4, $5, $6, $7)),
  assets as (
    insert into campaign_assets (id, campaign_id, position, asset_type, url, duration_ms)
    select gen_random_uuid(), $1, position - 1, asset ->> 'assetType', asset ->> 'url', (asset ->> 'durationMs')::int
    from jsonb_array_elements($8::jsonb) with ordinality as a(asset, position))
  insert into outbox (aggregate_type, aggregate_id, event_type, payload) values ('campaign', $1, 'campaign_created', '{"status": "draft"}')`;

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const [address] = app.addresses();
  if (address === undefined || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

const methods: BareHttpMethods = {
  serveBytes: (text) => {
    const app = Fastify();
    app.get('/', (_request, reply) => reply.header('content-type', 'application/json; charset=utf-8').send(text));
    return listen(app);
  },
  serveCreates: async (connectionString) => {
    const pool = new pg.Pool({ connectionString, max: CONNECTIONS });
    const app = Fastify();
    app.post<{ Body: Body }>('/', async ({ body }, reply) => {
      const id = randomUUID();
      const answer = { ...body, id, status: 'draft', createdAt: new Date().toISOString() };
      const values = [id, body.name, body.startAt, body.expireAt, body.idempotencyKey, randomBytes(32), JSON.stringify(answer)];
      await pool.query({ name: 'insert', text: INSERT, values: [...values, JSON.stringify(body.assets)] });
      return reply.code(201).send(answer);
    });
    await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query('select 1')));
    return await listen(app);
  },
};

answerParent(methods);

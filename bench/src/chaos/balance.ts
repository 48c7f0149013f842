import { type Ledger, SAID } from '@marquee/simulator';
import type { Planned } from './planner.js';
import type { World } from './world.js';

interface DeliveryRow {
  campaign_id: string;
  recipient: string;
  attempt: number;
  offers: number;
  revokes: number;
  acknowledged: boolean;
  revoked: boolean;
}

/** What is in the server's account, and on the screens; everything under `lost` and `wrong` must be 0. */
export interface Balance {
  campaigns: number;
  cancelled: number;
  over: number;
  deliveries: number;
  /** Manifests that the server handed over or offered again, and those that screens received. */
  sent: number;
  received: number;
  /** Of those received: a second or later one on its screen, each after a send whose outcome was not known. */
  repeated: number;
  acknowledged: number;
  played: number;
  revoked: number;
  lost: Record<string, number>;
  wrong: Record<string, number>;
  /** The first few of what is not 0. */
  examples: string[];
}

/** SQL that counts what is not yet as it will be, when nothing goes wrong any more; $1 are the screens that never answer. */
export const NOT_YET_RIGHT = `
  select (select count(*) from campaigns where status not in ('active', 'completed', 'cancelled'))
       + (select count(*) from outbox where not processed)
       + (select count(*) from deliveries d join campaigns c on c.id = d.campaign_id
          where (c.status = 'active' and (d.status <> 'SUCCESS' or (d.acknowledged_at is null and d.recipient <> all($1::text[]))))
             or (c.status = 'cancelled' and d.attempt > 0 and d.revoke_acked_at is null and d.recipient <> all($1::text[]))) as n`;

/** Holds what the planner was answered, what screens know and what the server's rows and events say against each other. */
export async function balance(world: World, planned: readonly Planned[]): Promise<Balance> {
  return weigh(await readBooks(world), planned);
}

/** The same of books that were read. */
export function weigh(books: Books, planned: readonly Planned[]): Balance {
  const sheet = new Sheet(books.silent);
  for (const campaign of planned) {
    const status = books.statuses.get(campaign.id);
    if (status === undefined) {
      sheet.lose('campaigns that were answered', campaign.id);
      continue;
    }
    if (campaign.cancelled && status !== 'cancelled') sheet.fault('campaigns cancelled that are not', campaign.id);
    sheet.count(status);
    for (const [screen, deviceId] of books.screens.entries()) {
      const key = `${campaign.id} ${deviceId}`;
      sheet.compare({
        status,
        screen,
        key,
        targeted: campaign.targets.has(deviceId),
        ledger: books.ledgers.get(campaign.id),
        row: books.rows.get(key),
        events: books.events.get(key),
      });
    }
  }
  for (const id of books.statuses.keys())
    if (!planned.some((campaign) => campaign.id === id)) sheet.fault('campaigns nobody was told of', id);
  return sheet.total;
}

/** What each side says; deliveries and events by campaign and device, `<id> <id>`. */
export interface Books {
  screens: readonly string[];
  silent: ReadonlySet<number>;
  ledgers: Map<string, Ledger>;
  statuses: Map<string, string>;
  rows: Map<string, DeliveryRow>;
  events: Map<string, Set<string>>;
}

async function readBooks(world: World): Promise<Books> {
  const ledgers = await world.fleet.call('ledgers', null);
  const campaigns = await world.sql<{ id: string; status: string }>('select id, status from campaigns');
  const rows = await world.sql<DeliveryRow>(
    `select campaign_id, recipient, attempt, offers, revokes, acknowledged_at is not null as acknowledged, revoke_acked_at is not null as revoked
     from deliveries`,
  );
  const events = await world.sql<{ campaign_id: string; device_id: string; types: string[] }>(
    'select campaign_id, device_id, array_agg(distinct upper(event_type)) as types from delivery_events group by campaign_id, device_id',
  );
  const { all, silent } = world.roles;
  return {
    screens: all,
    silent: new Set(silent.map((id) => all.indexOf(id))),
    ledgers: new Map(ledgers.map((ledger) => [ledger.campaignId, ledger])),
    statuses: new Map(campaigns.map(({ id, status }) => [id, status])),
    rows: new Map(rows.map((row) => [`${row.campaign_id} ${row.recipient}`, row])),
    events: new Map(events.map((each) => [`${each.campaign_id} ${each.device_id}`, new Set(each.types)])),
  };
}

interface Pair {
  status: string;
  screen: number;
  key: string;
  targeted: boolean;
  ledger: Ledger | undefined;
  row: DeliveryRow | undefined;
  events: Set<string> | undefined;
}

const EXAMPLES = 10;

class Sheet {
  readonly total: Balance = {
    campaigns: 0,
    cancelled: 0,
    over: 0,
    deliveries: 0,
    sent: 0,
    received: 0,
    repeated: 0,
    acknowledged: 0,
    played: 0,
    revoked: 0,
    lost: { 'campaigns that were answered': 0, manifests: 0, INSTALL_ACK: 0, DISPLAY_START: 0, DISPLAY_COMPLETE: 0, REVOKE_ACK: 0 },
    wrong: {},
    examples: [],
  };

  constructor(private readonly silent: ReadonlySet<number>) {}

  count(status: string): void {
    this.total.campaigns += 1;
    if (status === 'cancelled') this.total.cancelled += 1;
    if (status === 'completed') this.total.over += 1;
  }

  compare(pair: Pair): void {
    const { status, screen, key, targeted, ledger, row, events } = pair;
    const received = ledger?.received[screen] ?? 0;
    const installed = (ledger?.installed[screen] ?? 0) > 0;
    this.add(pair, received);
    if (!targeted) {
      if (received > 0) this.fault('manifests for a screen that was not meant', key);
      if (row !== undefined) this.fault('deliveries to a screen that was not meant', key);
      return;
    }
    const said = ledger?.said[screen] ?? 0;
    for (const [type, bit] of Object.entries(SAID)) {
      if ((said & bit) !== 0 && events?.has(type) !== true) this.lose(type, key);
      if ((said & bit) === 0 && events?.has(type) === true) this.fault('events that no screen said', `${type} ${key}`);
    }
    if (received > (row?.attempt ?? 0) + (row?.offers ?? 0)) this.fault('manifests that no send accounts for', key);
    if (status === 'cancelled' && installed) this.fault('screens that show what was cancelled', key);
    if (status !== 'active') return;
    if (this.silent.has(screen) ? received === 0 : !installed) this.lose('manifests', key);
    if (!this.silent.has(screen) && installed !== row?.acknowledged) this.fault('rows that say otherwise than the screen', key);
  }

  lose(what: string, example: string): void {
    this.note(this.total.lost, what, example);
  }

  fault(what: string, example: string): void {
    this.note(this.total.wrong, what, example);
  }

  private add({ row, events }: Pair, received: number): void {
    const { total } = this;
    total.deliveries += row === undefined ? 0 : 1;
    total.sent += (row?.attempt ?? 0) + (row?.offers ?? 0);
    total.received += received;
    total.repeated += Math.max(0, received - 1);
    total.acknowledged += row?.acknowledged === true ? 1 : 0;
    total.played += events?.has('DISPLAY_START') === true ? 1 : 0;
    total.revoked += row?.revoked === true ? 1 : 0;
  }

  private note(where: Record<string, number>, what: string, example: string): void {
    where[what] = (where[what] ?? 0) + 1;
    if (this.total.examples.length < EXAMPLES) this.total.examples.push(`${what}: ${example}`);
  }
}

import { type CampaignStatus, loopOf, type PlayWindow, screenAudience, DEFAULT_SLIDE_MS, type WhyView } from '@marquee/contracts';
import type { Clock } from '../../kit/clock.js';
import { ProblemError } from '../../kit/errors.js';
import type { Database } from '../../store/database.js';
import type { ValuesOf } from '../../store/statement.js';
import type { CampaignFacts, DeliveryFacts, Rival, ScreenFacts } from './snapshot.js';
import { why } from './why.js';
import { caseOf, rivalsOf } from './why.store.js';

/** Beyond so many campaigns of higher or equal priority on one screen the answer goes by the highest of them. */
const MOST_RIVALS = 100;

/** Answers why a campaign is not playing on a screen, from the rows as they are. */
export class Why {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** NOT_FOUND when there is no such campaign; a screen that is not registered is a reason, not an error. */
  async of(campaignId: string, deviceId: string): Promise<WhyView> {
    const now = this.clock.now();
    const [row] = await this.database.run(caseOf, { campaign: campaignId, device: deviceId });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no campaign ${campaignId}`);
    const of = { campaign: campaignId, device: deviceId, priority: row.priority };
    const rivals = await this.database.run(rivalsOf, { ...of, now, most: MOST_RIVALS });
    return why(
      {
        deviceId,
        campaign: campaignFacts(campaignId, row),
        screen: row.screen as ScreenFacts | null,
        delivery: row.delivery as DeliveryFacts | null,
        rivals: rivals.map(rival),
      },
      now,
    );
  }
}

interface Timed {
  start_at: number;
  expire_at: number;
  priority: number;
  play_window: unknown;
  slides: unknown;
}

function scheduled(campaignId: string, row: Timed): Omit<Rival, 'name'> {
  const slides = row.slides as { durationMs: number | null }[];
  return {
    campaignId,
    startAt: row.start_at,
    expireAt: row.expire_at,
    priority: row.priority,
    window: row.play_window === null ? undefined : (row.play_window as PlayWindow),
    loopMs: loopOf(slides.map(({ durationMs }) => ({ durationMs: durationMs ?? DEFAULT_SLIDE_MS }))),
  };
}

function rival(row: ValuesOf<typeof rivalsOf.gives>): Rival {
  return { ...scheduled(row.id, row), name: row.name };
}

function campaignFacts(campaignId: string, row: ValuesOf<typeof caseOf.gives>): CampaignFacts {
  return {
    ...scheduled(campaignId, row),
    name: row.name,
    version: row.version,
    liveVersion: row.live_version,
    status: row.status as CampaignStatus,
    audience: screenAudience.parse(row.audience),
    dispatch: row.dispatch === 'manual' ? 'manual' : 'auto',
    paused: row.paused,
    buildError: row.build_error,
    updatedAt: row.updated_at,
    executionAt: row.execution_at,
  };
}

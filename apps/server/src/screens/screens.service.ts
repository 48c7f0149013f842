import {
  CLOCK_OFF_MS,
  DEVICE_ID_PATTERN,
  type ImportScreen,
  type Page,
  type PutScreen,
  type ScreenDetail,
  type ScreenReport,
  type ScreenStatus,
  type ScreenView,
} from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import { countScreens, deleteScreen, findScreen, listScreens, putScreens } from './screens.store.js';

export interface ScreenQuery {
  groupId?: string | undefined;
  tag?: string | undefined;
  status?: ScreenStatus | undefined;
  q?: string | undefined;
  clock?: 'off' | undefined;
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

/** The registry of screens. */
export class Screens {
  constructor(private readonly database: Database) {}

  async list(query: ScreenQuery): Promise<Page<ScreenView>> {
    const after = decodeCursor(query.cursor, (id) => DEVICE_ID_PATTERN.test(id));
    const filter = {
      groupId: query.groupId ?? null,
      tag: query.tag ?? null,
      status: query.status ?? null,
      part: query.q ?? null,
      skew: query.clock === 'off' ? CLOCK_OFF_MS : null,
    };
    const { read } = this.database;
    const [rows, counted] = await Promise.all([
      read.run(listScreens, { ...filter, after: after ?? '', skip: after === undefined ? query.offset : 0, most: query.limit + 1 }),
      read.run(countScreens, filter),
    ]);
    return pageOf(rows, { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit }, screenView, (row) => row.device_id);
  }

  /** How many there are. */
  async count(): Promise<number> {
    const [row] = await this.database.read.run(countScreens, { groupId: null, tag: null, status: null, part: null, skew: null });
    return row?.n ?? 0;
  }

  /** NOT_FOUND when it is not registered. */
  async get(id: string): Promise<ScreenDetail> {
    const [row] = await this.database.run(findScreen, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no screen ${id}`);
    const { events_missing: missing, events_lost: lost, next_ask_at: nextAskAt, screenshot_at: screenshotAt } = row;
    return { ...screenView(row), events: missing === null ? null : { missing, lost: lost ?? 0, nextAskAt }, screenshotAt };
  }

  /** Registers the screen, or sets all that can be set of it. */
  async put(id: string, screen: PutScreen): Promise<ScreenDetail> {
    await this.putAll([{ deviceId: id, ...screen }]);
    return await this.get(id);
  }

  /** As `put`, for many in one statement, each id once; answers how many were new. */
  async putAll(screens: ImportScreen[]): Promise<number> {
    const rows = await this.database.run(putScreens, {
      ids: screens.map((screen) => screen.deviceId),
      groups: screens.map((screen) => screen.groupId),
      tags: screens.map((screen) => JSON.stringify(screen.tags)),
      metadatas: screens.map((screen) => JSON.stringify(screen.metadata)),
    });
    return rows.filter((row) => row.entered).length;
  }

  /** NOT_FOUND when it is not registered. */
  async delete(id: string): Promise<void> {
    const [row] = await this.database.run(deleteScreen, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no screen ${id}`);
  }
}

function screenView(row: ValuesOf<typeof listScreens.gives>): ScreenView {
  const report = row.report as Partial<ScreenReport>;
  const playing = row.now_playing !== null && row.now_playing_name !== null && row.now_playing_since !== null;
  return {
    deviceId: row.device_id,
    groupId: row.group_id,
    tags: row.tags,
    status: row.status as ScreenStatus,
    lastSeen: row.last_seen,
    nowPlaying: playing
      ? { campaignId: row.now_playing as string, name: row.now_playing_name as string, since: row.now_playing_since as number }
      : null,
    clockOffsetMs: row.clock_offset_ms,
    statusSince: row.status_since,
    lacks: report.lacks ?? [],
    storage: report.storage ?? null,
    metadata: row.metadata as Record<string, unknown>,
  };
}

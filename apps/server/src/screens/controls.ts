import { createHash, randomBytes } from 'node:crypto';
import { type ControlMessage, pathTo } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { sniff } from '../storage/sniff.js';
import type { Database } from '../store/database.js';
import { findScreenshot, keepScreenshot, requestControl, requestScreenshot } from './controls.store.js';

/** How long a screen may take to send the picture it was asked for, ms. */
const UPLOAD_MS = 60_000;
const PICTURES: readonly string[] = ['image/png', 'image/jpeg'];

export interface Picture {
  type: string;
  image: Buffer;
  takenAt: number;
}

/** What a person tells one screen, and the picture that comes back. */
export class Controls {
  constructor(
    private readonly database: Database,
    private readonly apiBaseUrl: string,
  ) {}

  /** Has the screen told, once and soon; it does not say that it did it. NOT_FOUND when it is not registered, CONFLICT while it is offline. */
  async tell(id: string, message: ControlMessage): Promise<void> {
    const [screen] = await this.database.run(requestControl, { id, message: JSON.stringify(message) });
    mustBeOnline(id, screen);
  }

  /** As `tell`, for a picture of what it shows: it may be uploaded once within a minute, and then replaces the one before. */
  async askForPicture(id: string): Promise<void> {
    const token = randomBytes(32).toString('base64url');
    const message: ControlMessage = { type: 'screenshot', uploadUrl: `${this.apiBaseUrl}${pathTo('screenScreenshot', id)}?token=${token}` };
    const [screen] = await this.database.run(requestScreenshot, {
      id,
      message: JSON.stringify(message),
      token: digestOf(token),
      validMs: UPLOAD_MS,
    });
    mustBeOnline(id, screen);
  }

  /** Keeps a PNG or JPEG, told by its bytes. FORBIDDEN without the token of the last request; a wrong type leaves the token as it is. */
  async keepPicture(id: string, token: string, image: Buffer): Promise<{ takenAt: number }> {
    const type = (await sniff(image))?.type;
    if (type === undefined || !PICTURES.includes(type))
      throw new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'body: must be a PNG or a JPEG picture');
    const [kept] = await this.database.run(keepScreenshot, { id, token: digestOf(token), type, image });
    if (kept === undefined) throw new ProblemError('FORBIDDEN', 'token: was not given for this, was used, or is too old');
    return { takenAt: kept.taken_at };
  }

  /** The last picture. NOT_FOUND when none ever came. */
  async picture(id: string): Promise<Picture> {
    const [row] = await this.database.run(findScreenshot, { id });
    if (row === undefined || row.image === null || row.type === null || row.taken_at === null)
      throw new ProblemError('NOT_FOUND', `there is no picture of screen ${id}`);
    return { type: row.type, image: row.image, takenAt: row.taken_at };
  }
}

function mustBeOnline(id: string, screen: { status: string; since: number } | undefined): void {
  if (screen === undefined) throw new ProblemError('NOT_FOUND', `there is no screen ${id}`);
  if (screen.status !== 'online')
    throw new ProblemError('CONFLICT', `the screen is offline since ${new Date(screen.since).toISOString()}: it would not hear it`);
}

/** Tokens are random: a plain digest keeps them from being read out of the table. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from '../files.js';
import { identify, isAlive, pidSpace } from './process-identity.js';

/** A living process touches its files this often, ms: the only sign of life that is seen from another container. */
const BEAT_MS = 2000;
/** A file of another container that was not touched for this long while we looked is a dead one's, ms. */
const SILENCE_MS = 3 * BEAT_MS;
/** … and one whose last touch is this long ago need not be waited for, ms. */
const LONG_SILENCE_MS = 60_000;

/** Who shows a file in a folder. */
export interface Party {
  readonly name: string;
  readonly pid: number;
  /** True when the pid means nothing here: the process lives in another container, or on another machine. */
  readonly elsewhere: boolean;
}

/** One's own file in such a folder. */
export interface Presence extends Party {
  /** Takes the file away. Never throws: a file that stays is seen to be dead when its process is. */
  leave(): Promise<void>;
}

/**
 * A folder in which each living process shows a file. The name says who (pid, start time, pid space) and is never used twice,
 * so that a dead one's file may be taken away by anybody at any moment; there is no content, so that it works on a full disk.
 */
export class PresenceFolder {
  constructor(
    private readonly folder: string,
    private readonly silenceMs = SILENCE_MS,
  ) {}

  /** Shows a file of our own. Throws the file system's error. */
  async enter(): Promise<Presence> {
    await makeFolder(this.folder);
    const self = await identify(process.pid);
    const name = [process.pid, self?.started ?? '', pidSpace, randomBytes(6).toString('hex')].join('-');
    const path = join(this.folder, name);
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    const beat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    }, BEAT_MS).unref();
    return {
      name,
      pid: process.pid,
      elsewhere: false,
      leave: async () => {
        clearInterval(beat);
        await rm(path, { force: true }).catch(() => undefined);
      },
    };
  }

  /** Everyone who lives, in the order of their names; the files of the dead are taken away. */
  async living(): Promise<Party[]> {
    const names = await readdir(this.folder).catch(() => []);
    const found = await Promise.all(names.sort((a, b) => (a < b ? -1 : 1)).map((name) => this.look(name)));
    return found.filter((party) => party !== undefined);
  }

  private async look(name: string): Promise<Party | undefined> {
    const [pidText = '', started = '', space = ''] = name.split('-');
    const party = { name, pid: Number(pidText), elsewhere: space !== pidSpace };
    const lives = party.elsewhere ? await this.isTouched(name) : await isAlive({ pid: party.pid, started });
    if (lives) return party;
    await rm(join(this.folder, name), { force: true }).catch(() => undefined);
    return undefined;
  }

  /** Compares two looks with each other rather than with the clock, which may differ between machines or jump. */
  private async isTouched(name: string): Promise<boolean> {
    const before = await this.touchedAt(name);
    if (before === undefined || Date.now() - before > LONG_SILENCE_MS) return false;
    await delay(this.silenceMs);
    const after = await this.touchedAt(name);
    return after !== undefined && after !== before;
  }

  private async touchedAt(name: string): Promise<number | undefined> {
    return await stat(join(this.folder, name)).then(
      (stats) => stats.mtimeMs,
      () => undefined,
    );
  }
}

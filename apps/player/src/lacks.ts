import type { ScreenLack, StatusMessage } from '@marquee/contracts/player';

/** What a status says beside device, state and time. */
export type Report = Required<Pick<StatusMessage, 'installed' | 'clockOffsetMs' | 'lacks' | 'events'>> & Pick<StatusMessage, 'storage'>;

/** Of a state that is not known yet nothing is said. */
export interface Condition {
  /** `isSecureContext` of the page. */
  secure: boolean;
  pageKept: boolean | undefined;
  persistent: boolean | undefined;
  /** Something that is wanted found no room. */
  full: boolean;
  /** The server told its time since the page began and since the clock was last set. */
  timed: boolean | undefined;
}

export function lacksOf({ secure, pageKept, persistent, full, timed }: Condition): ScreenLack[] {
  const states: [ScreenLack, boolean][] = [
    ['secure_context', !secure],
    ['service_worker', pageKept === false],
    ['persistent_storage', persistent === false],
    ['free_storage', full],
    ['server_time', timed === false],
  ];
  return states.filter(([, lacking]) => lacking).map(([lack]) => lack);
}

/** What is worth a sentence to somebody in front of the screen; one that says it all where several go together. */
export function notesOf(lacks: ScreenLack[]): string[] {
  const notes: string[] = [];
  if (lacks.includes('free_storage')) notes.push('The storage is full: a campaign could not be installed.');
  if (lacks.includes('secure_context'))
    notes.push('Opened over plain HTTP by name: campaigns are kept and played, but this page itself cannot be loaded without its server.');
  else if (lacks.includes('service_worker')) notes.push('This page could not be kept: it cannot be loaded without its server.');
  if (lacks.includes('server_time')) notes.push('The server’s time is not known: campaigns start by the clock of this screen.');
  return notes;
}

/** Offsets that differ by less are the network's doing. */
const OFFSET_MS = 50;
/** Of the quota. */
const STORAGE_SHARE = 0.01;

/**
 * True when a report says something that the one before did not. A newer event alone counts only when `quiet`: no further one came since the
 * last look. While they flow, each one's number tells of those before it.
 */
export function isNews(said: Report, now: Report, quiet: boolean): boolean {
  const same =
    JSON.stringify([said.installed, said.lacks, said.events.series]) === JSON.stringify([now.installed, now.lacks, now.events.series]);
  if (!same || Math.abs(said.clockOffsetMs - now.clockOffsetMs) >= OFFSET_MS) return true;
  if (quiet && said.events.last !== now.events.last) return true;
  const [before, after] = [said.storage, now.storage];
  if (before === undefined || after === undefined) return before !== after;
  const moved = Math.max(Math.abs(before.usedBytes - after.usedBytes), Math.abs(before.quotaBytes - after.quotaBytes));
  return moved > after.quotaBytes * STORAGE_SHARE;
}

import type { FleetCounts } from './fleet.js';

const WORDS: [keyof FleetCounts, string][] = [
  ['manifests', 'manifests'],
  ['installAcks', 'acknowledged'],
  ['displayStarts', 'started'],
  ['displayCompletes', 'ended'],
  ['playLogs', 'play logs'],
  ['revokes', 'revokes'],
  ['revokeAcks', 'cleared'],
  ['dropped', 'dropped'],
  ['ignored', 'ignored'],
  ['malformed', 'malformed'],
  ['lost', 'connections lost'],
];

/** True when anything differs. */
export function changed(now: FleetCounts, before: FleetCounts): boolean {
  return (Object.keys(now) as (keyof FleetCounts)[]).some((key) => now[key] !== before[key]);
}

/** One line for a person: what there is, and in brackets what the last second added. */
export function progressLine(now: FleetCounts, before: FleetCounts): string {
  const parts = [`${grouped(now.online)} online`];
  for (const [key, word] of WORDS) {
    if (now[key] === 0) continue;
    const more = now[key] - before[key];
    parts.push(`${grouped(now[key])} ${word}${more > 0 ? ` (+${grouped(more)})` : ''}`);
  }
  const waiting = now.sent - now.accepted;
  if (waiting > 0) parts.push(`${grouped(waiting)} not yet accepted by the broker`);
  return parts.join(' · ');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

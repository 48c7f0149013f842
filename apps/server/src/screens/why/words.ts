import type { PlayWindow, ScreenAudience } from '@marquee/contracts';

const MOST_TEXT = 200;
const MOST_NAMED = 5;
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** Foreign text for a sentence: on one line, without what a terminal would take for a command, and not longer than a sentence bears. */
export function plain(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return clean.length > MOST_TEXT ? `${clean.slice(0, MOST_TEXT).replace(/[\uD800-\uDBFF]$/, '')}…` : clean;
}

/** A name in quotation marks. */
export function named(name: string): string {
  return `“${plain(name)}”`;
}

/** The reason somebody else gave, as the end of a sentence. */
export function because(reason: string | null): string {
  return reason === null || plain(reason) === '' ? '.' : `: ${plain(reason).replace(/[.!]+$/, '')}.`;
}

/** `a`, `a and b`, `a, b and c`, `a, b, c, d, e and 3 more`. */
export function listed(items: string[], word = 'and'): string {
  const rest = items.length - MOST_NAMED;
  const shown = rest > 1 ? [...items.slice(0, MOST_NAMED), `${rest} more`] : items;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} ${rest > 1 ? 'and' : word} ${last}`;
}

/** Speaks moments in a zone; in UTC, to the letter of ISO 8601, without one. */
export function speaker(timeZone: string | undefined): (at: number) => string {
  if (timeZone === undefined) return (at) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return (at) => `${format.format(at)} (${timeZone})`;
}

/** `1.4 s`, `3 min`, `2 h`. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  const minutes = seconds / 60;
  return minutes < 120 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
}

/** `Monday, Tuesday and Friday from 09:00 to 17:00 (Europe/Berlin)`. */
export function hours(window: PlayWindow): string {
  const days = new Set(window.days);
  const when = days.size === 7 ? 'every day' : listedDays(DAYS.filter((_, index) => days.has(index + 1)));
  return `${when} from ${window.from} to ${window.to} (${window.timeZone})`;
}

function listedDays(days: string[]): string {
  return days.length < 2 ? days.join('') : `${days.slice(0, -1).join(', ')} and ${days.at(-1) ?? ''}`;
}

/**
 * Why the audience does not mean a screen, as the end of a sentence that begins with "The campaign does not mean this screen: ";
 * undefined when it does. The same rule as the targeting has in SQL.
 */
export function missedBy(
  audience: ScreenAudience,
  deviceId: string,
  screen: { groupId: string | null; tags: string[] },
): string | undefined {
  if ('all' in audience) return undefined;
  if ('ids' in audience) {
    if (audience.ids.includes(deviceId)) return undefined;
    return audience.ids.length === 1
      ? 'it is for one other screen.'
      : `it is for ${audience.ids.length} screens by name, and this is none of them.`;
  }
  const { groups, tags } = audience;
  if (groups !== undefined && (screen.groupId === null || !groups.includes(screen.groupId))) {
    const own = screen.groupId === null ? 'the screen is in no group' : `the screen is in group ${named(screen.groupId)}`;
    return `it is for the ${groups.length === 1 ? 'group' : 'groups'} ${listed(groups.map(named), 'or')}, and ${own}.`;
  }
  const has = (tag: string): boolean => screen.tags.includes(tag);
  const lacking = tags?.all?.filter((tag) => !has(tag)) ?? [];
  if (lacking.length > 0) return `the screen lacks the ${lacking.length === 1 ? 'tag' : 'tags'} ${listed(lacking.map(named))}.`;
  if (tags?.any !== undefined && !tags.any.some(has))
    return `the screen has ${tags.any.length === 1 ? 'not the tag' : 'none of the tags'} ${listed(tags.any.map(named), 'or')}.`;
  const barred = tags?.none?.filter(has) ?? [];
  if (barred.length > 0) return `it leaves out screens with the tag ${listed(barred.map(named), 'or')}.`;
  return undefined;
}

import type { NoticeBody, NoticeKind, NoticeScreen } from '@marquee/contracts';

/** A notice as it was queued. */
export interface Notice {
  kind: NoticeKind;
  ruleId: string;
  rule: string;
  at: number;
  /** How many it is about, and those of them that are named. */
  screens: number;
  named: NoticeScreen[];
}

/** What the webhook is posted. */
export function bodyOf({ kind, ruleId, rule, at, screens, named }: Notice): NoticeBody {
  return { type: kind, ruleId, rule, at, screens: named, more: screens - named.length };
}

/** One line, whatever the rule is called. */
export function subjectOf({ kind, screens, rule, named }: Notice): string {
  const [only] = named;
  const who = screens === 1 && only !== undefined ? only.deviceId : `${screens} screens`;
  const what = { outage: `${who} offline`, recovery: `${who} back online`, test: 'A test notice' }[kind];
  return `[Marquee] ${what} (${rule})`.replace(/\s+/g, ' ').slice(0, 250);
}

/** Plain text, with a way to the page of alerts. */
export function textOf(notice: Notice, alertsUrl: string): string {
  const { kind, rule, screens, named } = notice;
  const opening = {
    outage: `${counted(screens)} offline for longer than the rule "${rule}" allows:`,
    recovery: `${counted(screens)} online again (rule "${rule}"):`,
    test: `This is a test of the rule "${rule}". No screen is meant.`,
  }[kind];
  const lines = named.map((screen) => `  ${lineOf(screen)}`);
  const more = screens > named.length ? [`  and ${screens - named.length} more`] : [];
  return [opening, ...lines, ...more, '', alertsUrl, ''].join('\n');
}

function counted(screens: number): string {
  return screens === 1 ? 'One screen is' : `${screens} screens are`;
}

function lineOf({ deviceId, groupId, since, until }: NoticeScreen): string {
  const group = groupId === null ? '' : ` (${groupId})`;
  return `${deviceId}${group}  since ${utc(since)}${until === undefined ? '' : ` until ${utc(until)}`}`;
}

function utc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

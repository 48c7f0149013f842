import { CLICK_COUNTERS, type ClickCounters } from '@marquee/contracts';

/** What each layer counts, from 0. */
export function noClicks(): ClickCounters {
  return Object.fromEntries(CLICK_COUNTERS.map((counter) => [counter, 0])) as ClickCounters;
}

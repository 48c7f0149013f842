import { DEVICE_ID_PATTERN } from '@marquee/contracts/player';

export interface ScreenNames {
  /** Device ids of the screens that are switched on. */
  online: string[];
  /** Device ids of those that are not, spread evenly over the fleet. */
  offline: string[];
}

/** The device id of a fleet's screen, counted from 1: five digits at least, so that lists sort and fleets of any size share their names. */
export function screenName(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(5, '0')}`;
}

export function availableScreens(prefix: string, count: number, offlineShare: number): ScreenNames {
  if (!DEVICE_ID_PATTERN.test(screenName(prefix, count)))
    throw new RangeError('prefix must hold nothing but A-Z a-z 0-9 . _ : - and be short');
  const names: ScreenNames = { online: [], offline: [] };
  for (let number = 1; number <= count; number += 1) {
    const off = Math.floor(number * offlineShare + 1e-9) > Math.floor((number - 1) * offlineShare + 1e-9);
    (off ? names.offline : names.online).push(screenName(prefix, number));
  }
  return names;
}

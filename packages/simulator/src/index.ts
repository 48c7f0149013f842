export { Fleet, type FleetCounts } from './fleet.js';
export type { FleetOptions, Range } from './options.js';
export { screenName } from './screen-names.js';
export { importScreens, type ScreenLine } from './import-screens.js';
export { Tally } from './tally.js';

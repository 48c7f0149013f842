export { Fleet, type FleetCounts } from './fleet.js';
export type { FleetOptions, FlapHabit, Range } from './options.js';
export { screenName } from './screen-names.js';
export { importScreens, type ScreenLine } from './import-screens.js';
export { Tally } from './tally.js';
export { type Ledger, SAID } from './copies.js';

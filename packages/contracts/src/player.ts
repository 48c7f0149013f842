/** The entry for the player page: types, topics, constants and the rules that server and screen share; no zod. */
export * from './states.js';
export * from './topics.js';
export * from './screen-messages.js';
export * from './stage-messages.js';
export * from './click-codes.js';
export * from './schedule.js';
export * from './window.js';

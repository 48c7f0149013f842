/** The entry for the player page: types, topics and constants, no zod. */
export * from './states.js';
export * from './topics.js';
export * from './screen-messages.js';
export * from './stage-messages.js';

export * from './player.js';
export * from './errors.js';
export * from './text.js';
export * from './paging.js';
export * from './campaigns.js';
export * from './screens.js';
export * from './feed.js';
export * from './routes.js';

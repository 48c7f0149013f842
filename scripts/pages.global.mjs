import { build } from './build.mjs';

/** What is tested in a browser is built from the present sources, once a run and only when it is stale. */
export default async function setup() {
  await build(['contracts', 'player', 'console']);
}

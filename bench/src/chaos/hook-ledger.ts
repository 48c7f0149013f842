import type { HookPost } from '../children/hook-log.js';
import { arrivedWhilePaused, type Pause, startedWhilePaused } from './pauses.js';

/** A delivery as its row says that it ended. */
export interface EndedDelivery {
  id: string;
  status: string;
  attempt: number;
  doubt: boolean;
}

export interface HookLedger {
  account: Record<string, number>;
  /** All of these must be 0. */
  wrong: Record<string, number>;
  examples: string[];
}

/** Holds what the receiver met against what the rows say. */
export function hookLedger(audience: number, rows: EndedDelivery[], posts: HookPost[], pauses: Pause[]): HookLedger {
  const examples: string[] = [];
  const count = <Item>(name: string, items: Item[], isWrong: (item: Item) => boolean): [string, number] => {
    const wrong = items.filter(isWrong);
    examples.push(...wrong.slice(0, 3).map((item) => `${name}: ${JSON.stringify(item)}`));
    return [name, wrong.length];
  };
  const postsOf = new Map<string, HookPost[]>();
  for (const post of posts) {
    const others = postsOf.get(post.deliveryId);
    if (others === undefined) postsOf.set(post.deliveryId, [post]);
    else others.push(post);
  }
  const known = new Set(rows.map((row) => row.id));
  const ended = (status: string): number => rows.filter((row) => row.status === status).length;
  const taken = (id: string): HookPost[] => (postsOf.get(id) ?? []).filter((post) => post.status === 204);
  const terminal = ended('SUCCESS') + ended('FAILED') + ended('UNKNOWN');
  const wrong = Object.fromEntries([
    ['deliveries that are not there or have not ended', Math.abs(audience - terminal)],
    count('SUCCESS that the receiver never took', rows, (row) => row.status === 'SUCCESS' && taken(row.id).length === 0),
    count('taken twice although nothing was in doubt', rows, (row) => taken(row.id).length > 1 && !row.doubt),
    count('one attempt twice', [...postsOf.values()], (each) => new Set(each.map((post) => post.attempt)).size < each.length),
    count('attempts that no row knows of', rows, (row) => (postsOf.get(row.id) ?? []).some((post) => post.attempt > row.attempt)),
    count('posts of no delivery', posts, (post) => !known.has(post.deliveryId)),
    count('started while it was paused', posts, (post) => startedWhilePaused(post, pauses)),
    count('arrived late while it was paused', posts, (post) => arrivedWhilePaused(post, pauses)),
  ]);
  const account = {
    deliveries: audience,
    SUCCESS: ended('SUCCESS'),
    FAILED: ended('FAILED'),
    UNKNOWN: ended('UNKNOWN'),
    'posts received': posts.length,
    'taken twice, in doubt': rows.filter((row) => taken(row.id).length > 1).length,
    'pauses confirmed': pauses.length,
  };
  return { account, wrong, examples };
}

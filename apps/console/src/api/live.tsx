import { pathTo, ROUTES } from '@marquee/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import { LiveFeed, type LiveState } from './live-feed.js';
import { Refresher } from './refresher.js';

/** A tab that is left for a moment keeps its stream. */
const REST_AFTER_MS = 30_000;
/** How often pages ask by themselves while the stream is down. */
const POLL_MS = 5_000;

const LiveContext = createContext<LiveFeed | undefined>(undefined);

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const { feed, refresher } = useMemo(() => {
    const turns = new Refresher(client);
    return { refresher: turns, feed: new LiveFeed((hint) => turns.take(hint)) };
  }, [client]);

  useEffect(() => {
    let resting: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(resting);
      if (document.visibilityState === 'visible') feed.start();
      else resting = setTimeout(() => feed.rest(), REST_AFTER_MS);
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      clearTimeout(resting);
      feed.rest();
      refresher.stop();
    };
  }, [feed, refresher]);

  return <LiveContext.Provider value={feed}>{children}</LiveContext.Provider>;
}

/** The page's connection to the feed. */
export function useFeed(): LiveFeed {
  const feed = useContext(LiveContext);
  if (feed === undefined) throw new Error('useFeed needs a LiveProvider above it');
  return feed;
}

export function useLiveState(): LiveState {
  const feed = useFeed();
  return useSyncExternalStore(feed.subscribe, feed.current);
}

/** Follows one campaign's stream while the component is there, all campaigns' otherwise. */
export function useFollowCampaign(id: string): void {
  const feed = useFeed();
  useEffect(() => {
    feed.follow(pathTo('campaignEvents', id));
    return () => feed.follow(ROUTES.allEvents);
  }, [feed, id]);
}

/** A query's `refetchInterval`: none while the stream tells of changes, every few seconds while it is down. */
export function usePollWhileDown(): number | false {
  return useLiveState() === 'live' ? false : POLL_MS;
}

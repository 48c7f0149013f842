import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { useFeed } from '../../api/live.js';
import { FeedLog, type FeedPicture } from './feed-log.js';

/** What the page's stream says, from when the component is there. */
export function useFeedLog(): FeedPicture {
  const feed = useFeed();
  const log = useMemo(() => new FeedLog(), []);
  useEffect(() => {
    const leave = feed.hear(log.take);
    return () => {
      leave();
      log.stop();
    };
  }, [feed, log]);
  return useSyncExternalStore(log.subscribe, log.current);
}

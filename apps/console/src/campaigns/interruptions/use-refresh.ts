import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../../api/queries.js';

/** Reads a campaign anew, and the lists that name it. */
export function useRefresh(id: string): () => Promise<void> {
  const cache = useQueryClient();
  return async () => {
    await Promise.all([
      cache.invalidateQueries({ queryKey: keys.campaign(id) }),
      cache.invalidateQueries({ queryKey: keys.campaignLists }),
    ]);
  };
}

import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.js';

/** Groups and tags to offer while typing, from the first page of screens; others can be typed. */
export function useKnownNames(): { groups: string[]; tags: string[] } {
  const { data } = useQuery({ ...queries.screens({ offset: 0, limit: 100 }), staleTime: 60_000 });
  const screens = data?.data ?? [];
  const groups = new Set(screens.flatMap((screen) => (screen.groupId === null ? [] : [screen.groupId])));
  return { groups: [...groups].toSorted(), tags: [...new Set(screens.flatMap((screen) => screen.tags))].toSorted() };
}

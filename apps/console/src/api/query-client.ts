import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './problem.js';

/** The cache of what the server said. Answers that will not change by asking again are not asked again. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // A server on this machine or network is reached without the internet that the browser would wait for.
        networkMode: 'always',
        retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem && !error.passing),
        retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}

import { z } from 'zod';

/** Answer of `GET /bus/status`. With the kind `local` each worker claims for itself, and nothing waits between processes. */
export const busStatus = z.object({
  kind: z.enum(['local', 'rabbitmq', 'redis']),
  /** Whether this process reaches it. */
  connected: z.boolean(),
  /** Messages that no worker has taken; null when it cannot be told now. */
  waiting: z.int().nullable(),
  /** Messages that nobody could handle, kept with their reasons; null when it cannot be told now. */
  deadLetters: z.int().nullable(),
});
export type BusStatus = z.infer<typeof busStatus>;

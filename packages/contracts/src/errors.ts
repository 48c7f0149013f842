import { z } from 'zod';

/** Every code an error reply may carry, with its HTTP status and title. */
export const ERRORS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  MALFORMED_JSON: { status: 400, title: 'The body is not JSON' },
  UNAUTHORIZED: { status: 401, title: 'A valid token is needed' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  CONFLICT: { status: 409, title: 'The state does not allow it' },
  ALREADY_RUNNING: { status: 409, title: 'An execution is live already' },
  PRECONDITION_FAILED: { status: 412, title: 'It was changed meanwhile' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The content type is not understood' },
  IDEMPOTENCY_CONFLICT: { status: 422, title: 'The idempotency key was used with another body' },
  LEAD_TOO_SHORT: { status: 422, title: 'The start is sooner than the configured minimum lead' },
  NOT_SUPPORTED: { status: 422, title: 'Not supported' },
  PRECONDITION_REQUIRED: { status: 428, title: 'If-Match is missing' },
  INTERNAL: { status: 500, title: 'Something went wrong on our side' },
  KEYS_UNAVAILABLE: { status: 503, title: 'The keys of tokens cannot be had' },
  OVERLOADED: { status: 503, title: 'Too much is under way' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached' },
  CANCEL_UNCONFIRMED: { status: 503, title: 'Cancelled, but a worker could not be confirmed to have stopped' },
  PAUSE_UNCONFIRMED: { status: 503, title: 'Paused, but a worker could not be confirmed to have stopped' },
  STORAGE_FULL: { status: 507, title: 'There is no space left to store it' },
} as const;
export type ErrorCode = keyof typeof ERRORS;

/** RFC 9457 problem details, with `message` and `statusCode` as Nest clients expect. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  message: z.union([z.string(), z.array(z.string())]),
  statusCode: z.int(),
  /** Of PAUSE_UNCONFIRMED and CANCEL_UNCONFIRMED: the sessions that stand in the way, and for how long they have (ms). */
  holders: z.array(z.object({ pid: z.int(), application: z.string(), sinceMs: z.number() })).optional(),
});
export type LockHolder = NonNullable<Problem['holders']>[number];
export type Problem = z.infer<typeof problemSchema>;

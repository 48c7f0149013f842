import { type LockHolder, problemSchema } from '@marquee/contracts';

/**
 * A call that did not succeed. `code` is one of the contracts' error codes, or `UNREACHABLE` (no answer at all: whether the
 * server did it is unknown), or `UNREADABLE` (an answer in a form that this page does not understand), or `HTTP`.
 */
export class ApiProblem extends Error {
  constructor(
    /** 0 when there was no answer. */
    readonly status: number,
    readonly code: string,
    /** One sentence each; for a validation error `field: reason`. */
    readonly reasons: string[],
    /** The sessions that stand in the way of a pause or cancel. */
    readonly holders: LockHolder[] = [],
  ) {
    super(reasons.join(' · '));
    this.name = 'ApiProblem';
  }

  /** True when the same call may well succeed later without being changed. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function unreachable(): ApiProblem {
  return new ApiProblem(0, 'UNREACHABLE', ['The server cannot be reached.']);
}

/** Reads an error reply; anything that is no problem document is named by its status. */
export function problemOf(status: number, text: string): ApiProblem {
  const parsed = problemSchema.safeParse(parseJson(text));
  if (!parsed.success) return new ApiProblem(status, 'HTTP', [`The server answered ${status}.`]);
  const { code, message, holders } = parsed.data;
  return new ApiProblem(status, code, Array.isArray(message) ? message : [message], holders);
}

/** The JSON value of a text, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What to tell a person about anything that was thrown. */
export function reasonsOf(error: unknown): string[] {
  if (error instanceof ApiProblem) return error.reasons;
  return [error instanceof Error ? error.message : 'Something went wrong.'];
}

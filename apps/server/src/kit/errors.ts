import { type ErrorCode, ERRORS, type Problem } from '@marquee/contracts';

/** Why the process cannot start: one sentence for the person at the terminal, naming the setting to change. Exits 1 without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A request that cannot be served, and why. Carries a code of the catalogue; its messages name the fields. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(
    readonly code: ErrorCode,
    readonly messages: string | string[],
    /** Further members of the problem details, such as the holders of a lock. */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(typeof messages === 'string' ? messages : messages.join('; '));
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** RFC 9457 problem details. */
  toProblem(): Problem & Record<string, unknown> {
    const { status, title } = ERRORS[this.code];
    return {
      type: 'about:blank',
      title,
      status,
      detail: this.message,
      code: this.code,
      message: this.messages,
      statusCode: status,
      ...this.extra,
    };
  }
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system or driver error (`ENOSPC`, `23505`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

import { type ErrorCode, ERRORS, type Problem, UNSUPPORTED } from '@marquee/contracts';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ProblemError } from '../kit/errors.js';
import { isUnavailable } from '../store/database.js';

/** Codes for errors that other layers made: the framework's and the server's own, by their status. */
const BY_STATUS = new Map<number, ErrorCode>(
  (['VALIDATION_FAILED', 'NOT_FOUND', 'CONFLICT', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'NOT_SUPPORTED'] as const).map((code) => [
    ERRORS[code].status,
    code,
  ]),
);

/** The refusal of input that its schema does not take: one message a field, naming it. NOT_SUPPORTED when nothing else is wrong with it. */
export function refusalOf(issues: readonly StandardSchemaV1.Issue[], root: string): ProblemError {
  const messages = issues.slice(0, 50).map((issue) => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return `${path === '' ? root : path}: ${issue.message}`;
  });
  const unsupported = issues.every((issue) => issue.message.startsWith(UNSUPPORTED));
  return new ProblemError(unsupported ? 'NOT_SUPPORTED' : 'VALIDATION_FAILED', messages);
}

/** The reply to whatever a handler, the framework or the parser threw; `expected` is false for faults of our own, to be logged. */
export function problemOf(error: unknown): { problem: Problem & Record<string, unknown>; expected: boolean } {
  if (error instanceof ProblemError) return { problem: error.toProblem(), expected: error.status !== 500 };
  if (isUnavailable(error)) {
    return {
      problem: new ProblemError('DATABASE_UNAVAILABLE', 'the database cannot be reached now; try again').toProblem(),
      expected: true,
    };
  }
  const status = statusOf(error);
  if (status !== undefined && status < 500) {
    const code = isMalformedJson(error) ? 'MALFORMED_JSON' : (BY_STATUS.get(status) ?? 'VALIDATION_FAILED');
    const message = error instanceof Error ? error.message : ERRORS[code].title;
    return { problem: { ...new ProblemError(code, message).toProblem(), status, statusCode: status }, expected: true };
  }
  return { problem: new ProblemError('INTERNAL', 'something went wrong; the server’s log says what').toProblem(), expected: false };
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('getStatus' in error && typeof error.getStatus === 'function') return Number(error.getStatus());
  return 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function isMalformedJson(error: unknown): boolean {
  const text = error instanceof Error ? `${error.name} ${error.message} ${'code' in error ? String(error.code) : ''}` : '';
  return /FST_ERR_CTP_(EMPTY_JSON_BODY|INVALID_JSON_BODY)|not valid JSON|SyntaxError|forbidden prototype/i.test(text);
}

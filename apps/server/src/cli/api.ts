import { type Problem, problemSchema } from '@marquee/contracts';
import type { Readable } from 'node:stream';
import { type Dispatcher, errors, request } from 'undici';
import type { z } from 'zod';
import { errorCode, reasonOf } from '../kit/errors.js';

/** What a command ends with; one table in docs/cli.md. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** It could not be done: nothing answers, or the server could not. */
  failed: 1,
  /** The call was wrong: an argument, an option, or a body that the server does not take. */
  wrong: 2,
  /** There is no such thing, or its state does not allow it. */
  refused: 3,
} as const;

/** Why a command ends otherwise than done: one sentence for stderr and the exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** What the API answered: its text as it came. */
export class Answer {
  constructor(
    private readonly base: string,
    readonly text: string,
  ) {}

  /** The answer as the contract has it. Throws when something else than Marquee answered. */
  as<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
    const parsed = schema.safeParse(jsonOf(this.text));
    if (!parsed.success) throw new CommandError(`What answers at ${this.base} is not this Marquee's API.`, EXIT.failed);
    return parsed.data;
  }
}

export interface Body {
  content: string | Readable;
  type: string;
}

/** How long an answer may take, ms; that to a file of a million lines takes as long as it takes. */
const PATIENCE_MS = 90_000;

/** The HTTP API of one Marquee, errors turned into sentences. */
export class Api {
  constructor(readonly base: string) {}

  async get(path: string, query: Record<string, string | number | undefined> = {}): Promise<Answer> {
    return await this.call('GET', path, query);
  }

  async post(path: string, body?: unknown, query: Record<string, string | number | undefined> = {}): Promise<Answer> {
    const json = body === undefined ? undefined : { content: JSON.stringify(body), type: 'application/json' };
    return await this.call('POST', path, query, json);
  }

  /** Sends a body as it is, streamed; waits for the answer without a limit. */
  async upload(path: string, body: Body): Promise<Answer> {
    return await this.call('POST', path, {}, body, 0);
  }

  private async call(
    method: Dispatcher.HttpMethod,
    path: string,
    query: Record<string, string | number | undefined>,
    body?: Body,
    patienceMs = PATIENCE_MS,
  ): Promise<Answer> {
    const given = Object.fromEntries(Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== undefined));
    const { status, text } = await this.ask(path, {
      method,
      query: given,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
      ...(body === undefined ? {} : { body: body.content, headers: { 'content-type': body.type } }),
    });
    if (status >= 200 && status < 300) return new Answer(this.base, text);
    throw refusal(this.base, status, text);
  }

  private async ask(path: string, options: Parameters<typeof request>[1]): Promise<{ status: number; text: string }> {
    try {
      const answer = await request(`${this.base}${path}`, options);
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (error) {
      if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
        throw new CommandError(`${this.base} has not answered within ${PATIENCE_MS / 1000} s.`, EXIT.failed);
      if (error instanceof Error && 'syscall' in error && error.syscall === 'read' && errorCode(error) === 'EISDIR') throw error;
      throw new CommandError(
        `Nothing answers at ${this.base} (${reasonOf(error)}): is Marquee running there? --url or MARQUEE_URL names another address.`,
        EXIT.failed,
      );
    }
  }
}

const EXIT_OF: Readonly<Record<number, number>> = {
  400: EXIT.wrong,
  404: EXIT.refused,
  409: EXIT.refused,
  412: EXIT.refused,
  413: EXIT.wrong,
  415: EXIT.wrong,
  422: EXIT.wrong,
};

function refusal(base: string, status: number, text: string): CommandError {
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success) return new CommandError(`What answers at ${base} is not Marquee's API: it says ${status}.`, EXIT.failed);
  return new CommandError(sentence(problem.data), EXIT_OF[status] ?? EXIT.failed);
}

function sentence({ message }: Problem): string {
  const text = [message].flat().join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

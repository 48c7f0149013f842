import { Agent, type IncomingMessage, request } from 'node:http';
import { text as readAll } from 'node:stream/consumers';
import { expect } from 'vitest';
import { problemSchema } from '@marquee/contracts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON; throws when it is none. */
  // oxlint-disable-next-line no-explicit-any -- a test looks into whatever came
  json(): any;
}

export interface SendOptions {
  /** A string or bytes as they are; anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Speaks to the API as written: paths are not tidied, statuses are not judged. */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(readonly base: string) {}

  async send(method: string, path: string, { body, headers = {} }: SendOptions = {}): Promise<Answer> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const payload = raw ? body : JSON.stringify(body);
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) };
    const { hostname, port } = new URL(this.base);
    return await new Promise((resolve, reject) => {
      const options = { hostname, port, method, path, agent: this.agent, headers: { ...type, ...length, ...headers } };
      const outgoing = request(options, (incoming) => {
        readAnswer(incoming).then(resolve, reject);
      });
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }

  /**
   * Sends the head of a request and no byte of the body that it announces; the answer that comes all the same. A body that is refused by its
   * length cannot be sent whole: the connection is closed under it, and the answer may be lost with it.
   */
  async announce(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    const { hostname, port } = new URL(this.base);
    return await new Promise((resolve, reject) => {
      const outgoing = request({ hostname, port, method, path, headers, agent: false }, (incoming) => {
        readAnswer(incoming)
          .then(resolve, reject)
          .finally(() => outgoing.destroy());
      });
      outgoing.on('error', reject);
      outgoing.flushHeaders();
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, { headers });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, { body, headers });
  }

  /** GET that must answer 200; its JSON. */
  // oxlint-disable-next-line no-explicit-any -- a test looks into whatever came
  async read(path: string): Promise<any> {
    const answer = await this.get(path);
    expect(answer.status, `GET ${path}: ${answer.text}`).toBe(200);
    return answer.json();
  }

  close(): void {
    this.agent.destroy();
  }
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const text = await readAll(incoming);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: () => JSON.parse(text) };
}

/** Holds an answer to RFC 9457 with the members that clients rely on; answers its messages as one text. */
export function expectProblem(answer: Answer, status: number, code?: string): string {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.parse(answer.json());
  expect(problem).toMatchObject({ status, statusCode: status, type: 'about:blank' });
  expect(problem.title).not.toBe('');
  if (code !== undefined) expect(problem.code, answer.text).toBe(code);
  return [problem.message].flat().join('; ');
}

import { ApiProblem, parseJson, problemOf, unreachable } from './problem.js';

/** What `call` needs of a schema of the contracts. */
export interface Reads<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false };
}

/** For answers without a body. */
export const nothing: Reads<undefined> = { safeParse: () => ({ success: true, data: undefined }) };

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  json?: unknown;
  body?: Blob;
  contentType?: string;
  /** The version that a change is meant for. */
  ifMatch?: number;
  signal?: AbortSignal | undefined;
  /** How long it may take, ms; a minute when absent. */
  timeoutMs?: number;
}

/** Generous, since a cancel waits for every worker to be confirmed; a server that is gone refuses at once. */
const TIMEOUT_MS = 60_000;

/** Calls the API and reads its answer by the contract. Throws `ApiProblem`, or the abort when `signal` is aborted. */
export async function call<Value>(path: string, answer: Reads<Value>, options: CallOptions = {}): Promise<Value> {
  const response = await send(path, options);
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return read(answer, response.status, text);
}

export function read<Value>(answer: Reads<Value>, status: number, text: string): Value {
  const parsed = answer.safeParse(parseJson(text));
  if (!parsed.success)
    throw new ApiProblem(status, 'UNREADABLE', ['The server answered in a form that this page does not understand. Reload the page.']);
  return parsed.data;
}

async function send(path: string, options: CallOptions): Promise<Response> {
  const limit = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.json !== undefined) headers['content-type'] = 'application/json';
  if (options.ifMatch !== undefined) headers['if-match'] = `"${options.ifMatch}"`;
  if (options.contentType !== undefined) headers['content-type'] = options.contentType;
  try {
    return await fetch(path, {
      method: options.method ?? 'GET',
      headers,
      body: options.json === undefined ? (options.body ?? null) : JSON.stringify(options.json),
      signal: options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]),
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw unreachable();
  }
}

/** `?a=1&b=2` of what is set; '' when nothing is. */
export function queryString(query: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

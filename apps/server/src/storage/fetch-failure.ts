import { errors } from 'undici';
import { errorCode, reasonOf } from '../kit/errors.js';
import { AddressRefused } from './address-policy.js';
import { StorageError } from './storage.js';

/**
 * What a planner is told about an asset that could not be fetched. It has failed for now either way; `retry` says whether
 * asking again later may end otherwise without anybody changing anything.
 */
export interface FetchFailure {
  ok: false;
  reason: string;
  retry: boolean;
}

/** Thrown inside a fetch to end it with this failure. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
  readonly failure: FetchFailure;
  constructor(reason: string, retry: boolean) {
    super(reason);
    this.failure = { ok: false, reason, retry };
  }
}

/** Wraps what the network or the other side did, so that it is told apart from a fault of this machine's storage. */
export class NetworkFault extends Error {
  override readonly name = 'NetworkFault';
  constructor(cause: unknown) {
    super('network', { cause });
  }
}

export interface FetchTimes {
  connectMs: number;
  /** Longest silence: before the answer begins, and between two pieces of it. */
  idleMs: number;
  totalMs: number;
}

const NETWORK: Record<string, [reason: string, retry: boolean]> = {
  ENOTFOUND: ['host name does not resolve', false],
  EAI_AGAIN: ['host name does not resolve: the name server gave no answer', true],
  EAI_FAIL: ['host name does not resolve: the name server failed', true],
  ENODATA: ['host name does not resolve', false],
  ECONNREFUSED: ['host refuses the connection', true],
  ECONNRESET: ['connection broke off', true],
  EPIPE: ['connection broke off', true],
  UND_ERR_SOCKET: ['connection broke off', true],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['connection broke off', true],
  ETIMEDOUT: ['host does not answer', true],
  EHOSTUNREACH: ['host cannot be reached', true],
  ENETUNREACH: ['host cannot be reached', true],
  EADDRNOTAVAIL: ['host cannot be reached', true],
  EMFILE: ['this server has too many files and connections open', true],
  UND_ERR_HEADERS_OVERFLOW: ['answer is not valid HTTP', false],
  Z_DATA_ERROR: ['compressed content is damaged', true],
  Z_BUF_ERROR: ['compressed content is cut short', true],
};
const TLS = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** `larger than 512 MB`, in the unit that reads best. */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}

export function timeText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}

/** The failure that an error of a fetch means, or undefined for a fault of this machine: that one is to be thrown on. */
export function failureOf(error: unknown, times: FetchTimes, maxBytes: number): FetchFailure | undefined {
  if (error instanceof FetchFailed) return error.failure;
  if (error instanceof StorageError) return ofStorage(error, maxBytes);
  return error instanceof NetworkFault ? ofNetwork(error.cause, times) : undefined;
}

function ofNetwork(error: unknown, times: FetchTimes): FetchFailure {
  if (error instanceof FetchFailed) return error.failure;
  if (error instanceof AddressRefused) {
    return { ok: false, reason: `address is ${error.kind}: set ASSET_FETCH_ALLOW to permit it`, retry: false };
  }
  const code = errorCode(error) ?? '';
  const known = NETWORK[code];
  if (known !== undefined) return { ok: false, reason: known[0], retry: known[1] };
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return tooLong(times.connectMs, ' to connect');
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return tooLong(times.idleMs, ' without sending anything');
  if (TLS.test(code)) return { ok: false, reason: `secure connection failed (${code})`, retry: true };
  if (error instanceof errors.HTTPParserError || code.startsWith('HPE_'))
    return { ok: false, reason: 'answer is not valid HTTP', retry: false };
  if (code.startsWith('ERR_BROTLI') || code.startsWith('ERR__ERROR'))
    return { ok: false, reason: 'compressed content is damaged', retry: true };
  return { ok: false, reason: `could not be fetched (${code === '' ? reasonOf(error).slice(0, 100) : code})`, retry: true };
}

function tooLong(ms: number, doing: string): FetchFailure {
  return { ok: false, reason: `took longer than ${timeText(ms)}${doing}`, retry: true };
}

function ofStorage(error: StorageError, maxBytes: number): FetchFailure {
  switch (error.kind) {
    case 'TooLarge':
      return { ok: false, reason: `larger than ${sizeText(maxBytes)}`, retry: false };
    case 'UnknownType':
      return { ok: false, reason: 'is not an image, video or HTML page', retry: false };
    case 'Empty':
      return { ok: false, reason: 'is empty', retry: false };
    case 'StorageFull':
      return { ok: false, reason: 'there is no space left on the server to keep it', retry: true };
  }
}

import { AddressRefused } from '../kit/address-policy.js';
import { errorCode, reasonOf } from '../kit/errors.js';
import { networkReason } from '../kit/network-reason.js';
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
  const known = networkReason(error);
  if (known !== undefined) return { ok: false, ...known };
  const code = errorCode(error) ?? '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return tooLong(times.connectMs, ' to connect');
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return tooLong(times.idleMs, ' without sending anything');
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

import { errors } from 'undici';
import { errorCode } from './errors.js';

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

/** What an error of a connection or of HTTP means, and whether it may pass by itself; undefined for one that is not known. */
export function networkReason(error: unknown): { reason: string; retry: boolean } | undefined {
  const code = errorCode(error) ?? '';
  const known = NETWORK[code];
  if (known !== undefined) return { reason: known[0], retry: known[1] };
  if (TLS.test(code)) return { reason: `secure connection failed (${code})`, retry: true };
  if (error instanceof errors.HTTPParserError || code.startsWith('HPE_')) return { reason: 'answer is not valid HTTP', retry: false };
  return undefined;
}

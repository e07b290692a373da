import { MeshproofError } from './errors.ts';

/**
 * Errors of connections that may go well a moment later: https://nodejs.org/api/errors.html#common-system-errors and
 * https://nodejs.org/api/dns.html#error-codes. A name that does not exist (ENOTFOUND) and a certificate that is refused stay so.
 */
const transientCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** True for the code of a connection that broke, was refused or went quiet. */
export function isTransientCode(code: unknown): boolean {
  return typeof code === 'string' && transientCodes.has(code);
}

/**
 * Whether the same thing, done again, may go well. A MeshproofError says it itself; of other errors only those of a
 * connection and of a deadline (`AbortSignal.timeout`) do, also as the cause of another (`fetch failed`). Everything
 * else is a bug or a refusal.
 */
export function isRetryable(error: unknown): boolean {
  if (error instanceof MeshproofError) return error.retryable;
  if (!(error instanceof Error)) return false;
  if (isTransientCode((error as NodeJS.ErrnoException).code) || error.name === 'TimeoutError') return true;
  return isRetryable(error.cause);
}

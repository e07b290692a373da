import { MeshproofError } from '../base/errors.ts';
import { isTransientCode } from '../base/retryable.ts';

/** What an API server answered when it did not do what was asked. */
export class KubeApiError extends MeshproofError {
  /** HTTP status, 0 when there was no answer at all (connection refused or reset). */
  readonly httpStatus: number;
  /** `Status.reason` as the API server gave it, e.g. NotFound, Conflict, Forbidden, AlreadyExists. */
  readonly reason: string;

  constructor(options: {
    call: string;
    httpStatus: number;
    reason: string;
    message: string;
    retryAfterMs?: number | undefined;
    cause?: unknown;
  }) {
    const { call, httpStatus, reason, message, retryAfterMs, cause } = options;
    super('MESHPROOF_KUBE_API', `${call}: ${reason}: ${message}`, hintFor(httpStatus, message), {
      cause,
      retryable: mayGoWellLater(options),
      retryAfterMs,
    });
    this.name = 'KubeApiError';
    this.httpStatus = httpStatus;
    this.reason = reason;
  }

  /** From an answer with an error status: a `Status` object, or whatever a proxy in between wrote. */
  static fromResponse(
    call: string,
    answer: { httpStatus: number; body: string; retryAfter?: string | undefined },
  ): KubeApiError {
    const { httpStatus, body, retryAfter } = answer;
    const status = parseStatus(body);
    return new KubeApiError({
      call,
      httpStatus,
      reason: status?.reason || `HTTP${httpStatus}`,
      message: status?.message || body.trim().slice(0, 300) || 'no message',
      retryAfterMs: parseRetryAfter(retryAfter) ?? seconds(status?.details?.retryAfterSeconds),
    });
  }
}

/** True for a KubeApiError with that HTTP status. */
export function isHttpStatus(error: unknown, httpStatus: number): boolean {
  return error instanceof KubeApiError && error.httpStatus === httpStatus;
}

/** `Retry-After` in ms: seconds or an HTTP date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Connections that ended without a result, in our own words: see exec.ts, pod-http.ts and transport.ts. */
const brokenConnections = new Set(['StreamClosed', 'PortForwardFailed', 'ProxyUnavailable']);

/**
 * Too many requests, a server that is not well, a broken connection, and a write that met another one (a conflict). Not:
 * a name that is taken, and a conflict of the object's identity, which stays.
 */
function mayGoWellLater({
  httpStatus,
  reason,
  message,
}: {
  httpStatus: number;
  reason: string;
  message: string;
}): boolean {
  if (httpStatus === 0) return isTransientCode(reason) || brokenConnections.has(reason);
  if (httpStatus === 409) return reason !== 'AlreadyExists' && !/UID in precondition/.test(message);
  return httpStatus === 408 || httpStatus === 429 || httpStatus >= 500;
}

interface StatusBody {
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number };
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

function seconds(value: number | undefined): number | undefined {
  return value === undefined || value <= 0 ? undefined : value * 1000;
}

function hintFor(httpStatus: number, message: string): string {
  const webhook = /failed calling webhook "([^"]+)"/.exec(message)?.[1];
  if (webhook !== undefined)
    return `Who answers the admission webhook ${webhook} is down, or was removed without it: kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations -o yaml`;
  if (httpStatus === 0) return 'Is the cluster still up? See `meshproof status`.';
  if (httpStatus === 401 || httpStatus === 403) return 'The user of the kubeconfig lacks this permission.';
  if (httpStatus === 404) return 'The object or its API is not on this cluster: is a CRD missing?';
  if (httpStatus === 409) return 'Another writer changed the object, or one of this name is there already.';
  if (httpStatus === 422 || httpStatus === 400)
    return 'The API server rejected the object; the message names the field.';
  if (httpStatus === 429) return 'The API server is overloaded, or limits this user: run with less at a time.';
  return 'See the API server log.';
}

import { MeshproofError } from '../base/errors.ts';

/** What an API server answered when it did not do what was asked. */
export class KubeApiError extends MeshproofError {
  /** HTTP status, 0 when there was no answer at all (connection refused or reset). */
  readonly httpStatus: number;
  /** `Status.reason` as the API server gave it, e.g. NotFound, Conflict, Forbidden, AlreadyExists. */
  readonly reason: string;

  constructor(options: { call: string; httpStatus: number; reason: string; message: string; cause?: unknown }) {
    const { call, httpStatus, reason, message, cause } = options;
    super('MESHPROOF_KUBE_API', `${call}: ${reason}: ${message}`, hintFor(httpStatus), { cause });
    this.name = 'KubeApiError';
    this.httpStatus = httpStatus;
    this.reason = reason;
  }

  /** From the body of an answer with an error status: a `Status` object, or whatever a proxy in between wrote. */
  static fromResponse(call: string, httpStatus: number, body: string): KubeApiError {
    const status = parseStatus(body);
    return new KubeApiError({
      call,
      httpStatus,
      reason: status?.reason || `HTTP${httpStatus}`,
      message: status?.message || body.trim().slice(0, 300) || 'no message',
    });
  }
}

/** True for a KubeApiError with that HTTP status. */
export function isHttpStatus(error: unknown, httpStatus: number): boolean {
  return error instanceof KubeApiError && error.httpStatus === httpStatus;
}

function parseStatus(body: string): { reason?: string; message?: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

function hintFor(httpStatus: number): string {
  if (httpStatus === 0) return 'Is the cluster still up? See `meshproof status`.';
  if (httpStatus === 401 || httpStatus === 403) return 'The user of the kubeconfig lacks this permission.';
  if (httpStatus === 404) return 'The object or its API is not on this cluster: is a CRD missing?';
  if (httpStatus === 422 || httpStatus === 400)
    return 'The API server rejected the object; the message names the field.';
  return 'See the API server log.';
}

/**
 * Every error meshproof raises on purpose. A code is stable (scripts match on it); the message says what
 * happened, the hint what to do next, and the exit code is the process's own (see docs/errors.md).
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130;

/** Exit code of each error code. 2: usage or bad scenario, 3: environment, 4: inconclusive, 130: interrupted. */
const exitCodes = {
  MESHPROOF_USAGE: 2,
  MESHPROOF_SCENARIO_UNKNOWN: 2,
  MESHPROOF_SCENARIO_INVALID: 2,
  MESHPROOF_APP_UNKNOWN: 2,
  MESHPROOF_APP_INVALID: 2,
  MESHPROOF_REPORT_UNREADABLE: 2,
  MESHPROOF_REPORT_WRITE: 3,
  MESHPROOF_NOT_ROOT: 3,
  MESHPROOF_PLATFORM: 3,
  MESHPROOF_DISK_FULL: 3,
  MESHPROOF_TOOL_MISSING: 3,
  MESHPROOF_TOOL_CHECKSUM: 3,
  MESHPROOF_TOOL_BUILD: 3,
  MESHPROOF_COMMAND_FAILED: 3,
  MESHPROOF_CLUSTER_UNAVAILABLE: 3,
  MESHPROOF_CLUSTER_START: 3,
  MESHPROOF_LAB_BUSY: 3,
  MESHPROOF_LAB_UNKNOWN: 3,
  MESHPROOF_LAB_STALE: 3,
  MESHPROOF_KUBE_API: 3,
  MESHPROOF_KUBE_TIMEOUT: 3,
  MESHPROOF_CREDENTIALS: 3,
  MESHPROOF_RIGHTS: 3,
  MESHPROOF_IMAGE: 3,
  MESHPROOF_MESH_UNKNOWN: 3,
  MESHPROOF_MESH_CONFLICT: 3,
  MESHPROOF_MESH_NOT_READY: 3,
  MESHPROOF_MESH_API: 3,
  MESHPROOF_WORKLOAD_NOT_READY: 3,
  MESHPROOF_POD_CRASHED: 3,
  MESHPROOF_FAULT_START: 3,
  MESHPROOF_LOAD_START: 3,
  MESHPROOF_CAPTURE: 3,
  MESHPROOF_CLEANUP: 3,
  MESHPROOF_METRICS_UNREADABLE: 4,
  MESHPROOF_TIMEOUT: 3,
  MESHPROOF_INTERNAL: 3,
  MESHPROOF_INTERRUPTED: 130,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof exitCodes;

export class MeshproofError extends Error {
  readonly code: ErrorCode;
  /** What the reader should do next; one or two sentences. */
  readonly hint: string;
  /** The same call may go well a moment later: a wait goes on (see pollUntil), a write that can be repeated is. */
  readonly retryable: boolean;
  /** How long the other side asked to be left alone, if it did. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    hint: string,
    options: { cause?: unknown; retryable?: boolean | undefined; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MeshproofError';
    this.code = code;
    this.hint = hint;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }

  get exitCode(): ExitCode {
    return exitCodes[this.code];
  }
}

/** Wraps whatever was thrown; an unforeseen error keeps its cause and asks for a bug report. */
export function toMeshproofError(error: unknown): MeshproofError {
  if (error instanceof MeshproofError) return error;
  if (isSuppressed(error)) {
    const [first, then] = [toMeshproofError(error.suppressed), toMeshproofError(error.error)];
    const message = first.message === then.message ? first.message : `${first.message}; then: ${then.message}`;
    return new MeshproofError(first.code, message, first.hint, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) {
    return new MeshproofError(
      'MESHPROOF_DISK_FULL',
      `The disk is full: ${message}`,
      'Free some space, or point --reports, XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk.',
      { cause: error },
    );
  }
  return new MeshproofError(
    'MESHPROOF_INTERNAL',
    message,
    'This is a bug in meshproof: please report it with the run log.',
    {
      cause: error,
    },
  );
}

/** A scope was left by `suppressed`, and its `using` failed with `error` on the way out; Node 22 has no class for it. */
function isSuppressed(error: unknown): error is { error: unknown; suppressed: unknown } {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error && 'error' in error;
}

/** Whether a disk or a quota that is full is behind it, as the kernel's ENOSPC or EDQUOT, here or in its causes. */
export function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const code = each instanceof MeshproofError ? each.code : (each as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'MESHPROOF_DISK_FULL') return true;
  }
  return false;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

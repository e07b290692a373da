import { MeshproofError } from '../../base/errors.ts';

/** An unusable capture: exit code 3, never a stack trace. */
export function captureError(message: string, hint: string, cause?: unknown): MeshproofError {
  return new MeshproofError('MESHPROOF_CAPTURE', message, hint, cause === undefined ? undefined : { cause });
}

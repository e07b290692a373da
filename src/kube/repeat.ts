import { MeshproofError } from '../base/errors.ts';
import { pollUntil } from '../base/poll.ts';

/** An API server that is restarted, or a webhook that is rolled out, is back within this; longer than one write may take. */
const budgetMs = 20_000;
const code = 'MESHPROOF_KUBE_TIMEOUT';

/**
 * Does a write that may be done twice until it goes well, ends with an error that stays, or the budget ends.
 *
 * @throws what the write threw last
 */
export async function repeat<T>(what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await pollUntil(async () => ({ ready: await write() }), {
      what,
      timeoutMs: budgetMs,
      intervalMs: 200,
      code,
    });
  } catch (error) {
    throw error instanceof MeshproofError && error.code === code ? (error.cause ?? error) : error;
  }
}

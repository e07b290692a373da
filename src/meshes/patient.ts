import { messageOf } from '../base/errors.ts';
import type { Look } from '../base/poll.ts';

/** A wait that an error of the cluster or of the mesh does not end: while things start, both refuse calls. */
export function patient<T>(look: () => Promise<Look<T>>): () => Promise<Look<T>> {
  return async () => {
    try {
      return await look();
    } catch (error) {
      return { pending: messageOf(error) };
    }
  };
}

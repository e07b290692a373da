import type { Clock } from '../base/clock.ts';
import type { StartFinding } from '../observe/diagnosis/finding.ts';

/** Nothing came up for this long: then it is worth the programs that a diagnosis starts in every pod. */
const stuckAfterMs = 5000;

export interface AnsweredOrStuckOptions {
  /** Ends when the app answers, or when its own patience does; the signal tells that nobody waits any more. */
  answering: (signal: AbortSignal) => Promise<void>;
  /** How much has come up: grows until all has. */
  progress: () => Promise<number>;
  diagnose: () => Promise<readonly StartFinding[]>;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Until the app answers (empty), or it is clear that the mesh keeps it from that: what two diagnoses see in a row is a finding,
 * and no reason to wait any longer. While something still comes up nobody is diagnosed: on a busy machine that takes as long
 * as it takes, and a diagnosis of a dozen pods costs as much as bringing them up.
 *
 * @throws as `answering` does
 */
export async function answeredOrStuck(options: AnsweredOrStuckOptions): Promise<readonly StartFinding[]> {
  const { clock, signal } = options;
  const enough = new AbortController();
  const answering = options.answering(AbortSignal.any([signal, enough.signal]));
  const answered = answering.then(
    () => true,
    () => true,
  );
  let most = -1;
  let before: readonly StartFinding[] = [];
  while (!(await Promise.race([answered, clock.sleep(stuckAfterMs).then(() => false)]))) {
    const up = await options.progress();
    if (up > most) {
      most = up;
      before = [];
      continue;
    }
    const found = await options.diagnose();
    const stay = found.filter(({ pod, edge }) => before.some((other) => other.pod === pod && other.edge === edge));
    before = found;
    if (stay.length === 0) continue;
    enough.abort();
    await answered;
    return stay;
  }
  await answering;
  return [];
}

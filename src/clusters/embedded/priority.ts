import { getPriority, setPriority } from 'node:os';

/** As Linux has it: about the weight that all pods together have. */
const nice = -10;

/**
 * Whoever runs pods and looks at them gets the CPU before them: all pods together weigh as much as 16 programs (cgroup.ts), and
 * beside pods that use every core an API server with the weight of one did not answer for a quarter of a minute. The node's
 * processes inherit it. Where that is not allowed it is left as it is.
 */
export function goBeforePods(): void {
  if (getPriority() <= nice) return;
  try {
    setPriority(nice);
  } catch {
    // Only root may, and not in every container.
  }
}

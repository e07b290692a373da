import { worst } from '../combine.ts';
import type { Status } from '../assertion.ts';

/**
 * Status of something made of parts: the worst of them. A skipped part does not hide what the others show; skipped only
 * if nothing else is there. No part at all is `invalid`: nothing was shown.
 */
export function statusOf(parts: Iterable<Status>): Status {
  const all = [...parts];
  const counted = all.filter((status) => status !== 'skipped');
  return worst(counted.length > 0 ? counted : all);
}

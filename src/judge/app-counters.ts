import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { startJitterMs } from '../observe/telemetry/delta.ts';
import type { AppSnapshot } from '../observe/telemetry/app-metrics.ts';

/** Two files of AppSnapshot[], and whose requests count: summed over the pods of the service. */
export interface AppSelection {
  before: EvidencePath;
  after: EvidencePath;
  service: string;
}

/** Requests that the service says it answered between two looks, or why nothing can be said. */
export async function appRequests(
  { before, after, service }: AppSelection,
  evidence: EvidenceReader,
): Promise<{ n: number } | { problem: string }> {
  const [old, now] = await Promise.all(
    [before, after].map(async (path) =>
      (await evidence.json<AppSnapshot[]>(path)).filter((snapshot) => snapshot.service === service),
    ),
  );
  if (old === undefined || now === undefined || now.length === 0) return { problem: `${service} tells no metrics` };
  if (old.length !== now.length) return { problem: `not the same pods of ${service} told their metrics` };
  let n = 0;
  for (const snapshot of now) {
    const earlier = old.find(({ podUid }) => podUid === snapshot.podUid);
    if (earlier === undefined) return { problem: `${snapshot.pod} told no metrics at the first look` };
    const moved = Math.abs((snapshot.startedAt ?? 0) - (earlier.startedAt ?? 0));
    const grown = total(snapshot) - total(earlier);
    if (moved > startJitterMs || grown < 0) return { problem: `the process of ${snapshot.pod} restarted in between` };
    n += grown;
  }
  return { n };
}

function total({ requestsByCode }: AppSnapshot): number {
  return Object.values(requestsByCode).reduce((sum, n) => sum + n, 0);
}

import { plural } from '../base/words.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { counterDelta, type ProxySelection } from './counters.ts';
import { invalid, type Outcome } from './rule.ts';

/**
 * Too few requests succeeded: no failure of the retries if those that the calling proxies refused (they allow so many at a
 * time) would have made up for it. Each costs one success at most.
 *
 * @param short successes that are lacking
 */
export async function unlessRefused(
  outcome: Outcome,
  { refused, short }: { refused: ProxySelection | undefined; short: number },
  evidence: EvidenceReader,
): Promise<Outcome> {
  if (outcome.status !== 'fail' || refused === undefined || short <= 0) return outcome;
  const seen = await counterDelta(refused, evidence);
  if ('problem' in seen) return outcome;
  const retries = seen.of('retryOverflow');
  if (retries < short) return outcome;
  return invalid(
    `${outcome.observed}; ${plural(short, 'success', 'successes')} short, and the calling proxies refused ${plural(retries, 'retry', 'retries')}`,
  );
}

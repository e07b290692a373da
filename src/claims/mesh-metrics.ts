import type { Assertion } from '../judge/assertion.ts';
import { skipped, type RuleInputs } from '../judge/recompute.ts';
import { clientName } from '../lab/client.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { ArmResult } from './arm.ts';
import type { Judging } from './judging.ts';

/** The mesh's metrics and the counters of one proxy are read one after the other: what ends in between is in one of them only. */
const betweenReadings = 0.01;

/**
 * Where the mesh has metrics of its own: do they tell of each service what its proxies' counters tell, at the callers and at the
 * server? Where this installation has none, one assertion says so, with the reason.
 */
export async function meshMetricsAgree({
  id,
  own,
  arm,
  services,
  given,
  judging,
  ...bounds
}: {
  /** Of the trial. */
  id: string;
  own: MeshAdapter['meshMetrics'];
  arm: Pick<ArmResult, 'proxy' | 'meshMetrics'>;
  /** Those that speak HTTP. */
  services: readonly string[];
  given: readonly Assertion[];
  judging: Judging;
} & Pick<RuleInputs['mesh-metrics-agree'], 'latencyShare' | 'quantiles'>): Promise<void> {
  if (own === undefined) return;
  if (own.none !== undefined && arm.meshMetrics.length === 0) {
    judging.assertions.push(
      skipped({
        id: `${id}/mesh-metrics`,
        title: `The mesh’s own metrics (${own.name}) tell the same as its proxies’ counters`,
        arm: 'treatment',
        expected: 'metrics of the mesh beside its proxies’ counters',
        reason: `not applicable: ${own.none}`,
      }),
    );
    return;
  }
  const looks = { before: arm.proxy.start, after: arm.proxy.end };
  for (const service of services) {
    const check = judging.on({ prefix: `${id}/${service}`, arm: 'treatment', given });
    const sides = [
      ['mesh-metrics-caller', 'at the caller', { service: clientName, destination: service }],
      ['mesh-metrics-server', 'at the server', { service }],
    ] as const;
    for (const [what, where, whose] of sides) {
      await check(
        what,
        `${own.name} and the proxies’ own counters tell the same of requests to ${service}, ${where}`,
        'mesh-metrics-agree',
        { ...looks, ...whose, share: betweenReadings, ...bounds },
        'Dashboards and alerts rest on these metrics. Is something in force that leaves some of them out?',
      );
    }
  }
}

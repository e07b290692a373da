import { expect } from 'chai';
import { proxyCosts } from '../../../src/judge/proxy-cost.ts';
import type { ContainerUsage } from '../../../src/observe/telemetry/resources.ts';

const usage = (podUid: string, at: number, cpuMs: number, part: Partial<ContainerUsage> = {}): ContainerUsage => ({
  ...{ pod: `pod-${podUid}`, podUid, container: 'proxy', at, cpuNanoseconds: cpuMs * 1e6 },
  ...{ memoryBytes: 20 * 2 ** 20, memoryLimitBytes: 2 ** 30, cpuLimitCores: 2 },
  ...part,
});
/** A request every 10 ms, from 1000 on. */
const samples = Array.from({ length: 1000 }, (_, index) => ({ startedAt: 1000 + index * 10 }));

describe('what proxies cost', () => {
  it('is their CPU for the requests between the two measurements, not for all of the load', () => {
    const [cost] = proxyCosts([{ samples, before: [usage('a', 995, 100)], after: [usage('a', 5999, 600)] }], 'proxy');
    expect(cost?.pod).to.equal('pod-a');
    expect(cost?.cpuMsPer1000Requests).to.be.closeTo(1000, 1e-6);
    expect(cost?.memoryBytes).to.equal(20 * 2 ** 20);
  });

  it('is taken over all runs, and the most memory of any', () => {
    const after = usage('a', 6000, 300, { memoryBytes: 30 * 2 ** 20 });
    const run = { samples, before: [usage('a', 1000, 100)], after: [after] };
    const other = { samples, before: [usage('a', 1000, 1000)], after: [usage('a', 6000, 1600)] };
    const [cost] = proxyCosts([run, other], 'proxy');
    expect(cost?.cpuMsPer1000Requests).to.be.closeTo(800, 1e-6);
    expect(cost?.memoryBytes).to.equal(30 * 2 ** 20);
  });

  it('is not told of other containers, nor where the kubelet did not measure in between, nor of a proxy that was restarted', () => {
    const none = (before: ContainerUsage[], after: ContainerUsage[]): void =>
      expect(proxyCosts([{ samples, before, after }], 'proxy')).to.deep.equal([]) as never;
    none([usage('a', 1000, 1, { container: 'app' })], [usage('a', 6000, 2, { container: 'app' })]);
    none([usage('a', 1000, 1)], [usage('a', 1000, 1)]);
    none([usage('a', 1000, 9)], [usage('a', 6000, 1)]);
    none([], [usage('a', 6000, 1)]);
    none([usage('a', 0, 1)], [usage('a', 500, 2)]);
  });
});

import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import {
  containerUsage,
  coresUsed,
  parseStatsSummary,
  quantity,
  type ContainerUsage,
} from '../../../../src/observe/telemetry/resources.ts';
import type { KubeClient } from '../../../../src/kube/types.ts';

const summary = (cpuNanoseconds: number, time = '2026-01-02T03:04:05Z'): string =>
  JSON.stringify({
    node: { memory: { availableBytes: 3e9, workingSetBytes: 1e9 } },
    pods: [
      {
        podRef: { name: 'trips-1', namespace: 'app', uid: 'u1' },
        containers: [
          { name: 'trips', cpu: { time, usageCoreNanoSeconds: cpuNanoseconds }, memory: { workingSetBytes: 50e6 } },
          { name: 'envoy', cpu: { time, usageCoreNanoSeconds: 2e9 }, memory: { workingSetBytes: 30e6 } },
          { name: 'just-started' },
        ],
      },
      { podRef: { name: 'other', namespace: 'kube-system', uid: 'u2' }, containers: [] },
    ],
  });

const of = (json: string): ContainerUsage[] =>
  parseStatsSummary(json, {
    namespace: 'app',
    nodeCores: 2,
    limits: (_uid, container) => (container === 'trips' ? { memoryBytes: 100e6, cpuCores: 0.5 } : {}),
  });

describe('what containers use, by the kubelet', () => {
  it('is read with each container’s limits, or its node’s size', () => {
    expect(of(summary(1e9))).to.deep.equal([
      {
        pod: 'trips-1',
        podUid: 'u1',
        container: 'trips',
        at: Date.parse('2026-01-02T03:04:05Z'),
        cpuNanoseconds: 1e9,
        memoryBytes: 50e6,
        memoryLimitBytes: 100e6,
        cpuLimitCores: 0.5,
      },
      {
        pod: 'trips-1',
        podUid: 'u1',
        container: 'envoy',
        at: Date.parse('2026-01-02T03:04:05Z'),
        cpuNanoseconds: 2e9,
        memoryBytes: 30e6,
        memoryLimitBytes: 4e9,
        cpuLimitCores: 2,
      },
    ]);
  });

  it('gives cores between two looks, and none of another container or without a new measurement', () => {
    const before = of(summary(1e9));
    const [later] = of(summary(6e9, '2026-01-02T03:04:15Z'));
    expect(coresUsed(later!, before)).to.equal(0.5);
    expect(coresUsed(before[0]!, before)).to.equal(undefined);
    expect(coresUsed(of(summary(0, '2026-01-02T03:04:15Z'))[0]!, before)).to.equal(undefined);
    expect(coresUsed({ ...later!, podUid: 'u9' }, before)).to.equal(undefined);
  });

  it('refuses what is no summary', () => {
    expect(() => of('<html>')).to.throw(MeshproofError, /not JSON/);
    expect(() => of('{}')).to.throw(MeshproofError, /no "pods"/);
  });

  it('knows quantities', () => {
    expect(['250m', '2', '64Mi', '1.5G', '', 'x', undefined].map(quantity)).to.deep.equal([
      0.25,
      2,
      64 * 2 ** 20,
      1.5e9,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is asked of the kubelet of every node that has pods of the namespace', async () => {
    const asked: string[] = [];
    const kube = {
      list: () =>
        Promise.resolve([
          {
            metadata: { name: 'trips-1', uid: 'u1' },
            spec: {
              nodeName: 'n1',
              containers: [{ name: 'trips', resources: { limits: { memory: '100M' } } }],
              initContainers: [{ name: 'envoy' }],
            },
          },
          { metadata: { name: 'pending', uid: 'u3' }, spec: { containers: [] } },
        ]),
      get: () => Promise.resolve({ status: { capacity: { cpu: '4' } } }),
      getText: (path: string) => {
        asked.push(path);
        return Promise.resolve(summary(1e9));
      },
    } as unknown as KubeClient;
    const usage = await containerUsage(kube, 'app');
    expect(asked).to.deep.equal(['/api/v1/nodes/n1/proxy/stats/summary?only_cpu_and_memory=true']);
    expect(usage.map(({ memoryLimitBytes, cpuLimitCores }) => [memoryLimitBytes, cpuLimitCores])).to.deep.equal([
      [100e6, 4],
      [4e9, 4],
    ]);
  });
});

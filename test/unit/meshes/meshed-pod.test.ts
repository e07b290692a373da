import { expect } from 'chai';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { podsToBeMeshed } from '../../../src/meshes/meshed-pod.ts';

const mark = 'toy/outside';
const pod = (name: string, labels: Record<string, string>, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [], ...spec },
});
const web: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' } },
};
/** As of a Service whose endpoints somebody else writes. */
const external: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'external' }, spec: {} };

async function expected(...pods: KubeObject[]): Promise<string[]> {
  const list = (path: string) => Promise.resolve(path.endsWith('/services') ? [web, external] : pods);
  const found = await podsToBeMeshed({ list } as unknown as KubeClient, 'shop', ({ metadata }) =>
    Boolean(metadata.labels?.[mark]),
  );
  return found.map(({ metadata }) => metadata.name);
}

describe('pods that should be in the mesh', () => {
  it('are all but those that are to stay outside, and those of the node’s own network', async () => {
    const job = pod('job', { app: 'job' });
    const outside = pod('probe', { app: 'probe', [mark]: 'true' });
    const host = pod('host', { app: 'web' }, { hostNetwork: true });
    expect(await expected(job, outside, host)).to.deep.equal(['job']);
  });

  it('have no choice behind a Service: a replica outside is called in plaintext', async () => {
    expect(await expected(pod('web-1', { app: 'web' }), pod('web-2', { app: 'web', [mark]: 'true' }))).to.deep.equal([
      'web-1',
      'web-2',
    ]);
  });
});

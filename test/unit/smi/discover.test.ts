import { expect } from 'chai';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { smiObjects } from '../../../src/smi/discover.ts';
import { splits } from './objects.ts';

/** An API server's replies by path, as it gave them. */
function server(replies: Record<string, unknown>): { kube: KubeClient; asked: string[] } {
  const asked: string[] = [];
  const reply = async (path: string): Promise<unknown> => {
    asked.push(path);
    if (!(path in replies)) throw new Error(`nobody serves ${path}`);
    return replies[path];
  };
  return { kube: { get: reply, list: reply } as unknown as KubeClient, asked };
}

const group = (name: string, ...versions: string[]) => ({
  name,
  preferredVersion: { groupVersion: `${name}/${versions[0]}` },
  versions: versions.map((version) => ({ groupVersion: `${name}/${version}` })),
});
const verbs = ['get', 'list'];

describe('looking for SMI objects', () => {
  it('asks for the kinds that the API server serves, in the version that it prefers', async () => {
    const { metadata, spec } = splits.v1alpha4 as KubeObject;
    const { kube, asked } = server({
      '/apis': { groups: [group('apps', 'v1'), group('split.smi-spec.io', 'v1alpha4', 'v1alpha2')] },
      '/apis/split.smi-spec.io/v1alpha4': {
        resources: [
          { name: 'trafficsplits', kind: 'TrafficSplit', namespaced: true, verbs },
          { name: 'trafficsplits/status', kind: 'TrafficSplit', namespaced: true, verbs },
        ],
      },
      // Items of a list do not say what they are.
      '/apis/split.smi-spec.io/v1alpha4/namespaces/shop/trafficsplits': [{ metadata, spec }],
    });
    expect(await smiObjects(kube, 'shop')).to.deep.equal([splits.v1alpha4]);
    expect(asked).to.have.length(3);
  });

  it('finds none where the cluster knows nothing of SMI', async () => {
    const { kube } = server({ '/apis': { groups: [group('apps', 'v1')] } });
    expect(await smiObjects(kube, 'shop')).to.deep.equal([]);
  });
});

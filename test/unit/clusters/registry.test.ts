import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import { chooseProvider, detectProviders } from '../../../src/clusters/detect.ts';
import { clusterChoices, clusters, plannedClusters } from '../../../src/clusters/index.ts';
import { deleteLab, labRemains, listLabs, reapLabs } from '../../../src/clusters/labs.ts';
import { defineCluster, type Cluster, type ClusterProvider } from '../../../src/clusters/provider.ts';

/** A kind of cluster that somebody adds: one that has labs in memory. */
function toyCluster(name: string, usable: boolean, labs = new Set<string>()): Cluster {
  const provider: ClusterProvider = {
    name,
    detect: async () => ({ provider: name, usable, reason: usable ? 'fine' : `no ${name} here` }),
    mechanisms: () => ({ toy: name }),
    create: () => Promise.reject(new Error('not in this test')),
    attach: async () => undefined,
    list: async () =>
      [...labs].map((lab) => ({
        name: lab,
        provider: name,
        state: 'running',
        kept: true,
        kubeconfigPath: '',
        stateDir: '',
      })),
    delete: async (lab) => void labs.delete(lab),
    reap: async () => [`dead-${name}`],
    remains: async (lab) => (labs.has(lab) ? [`${name} ${lab}`] : []),
  };
  const capabilities = { capture: false, images: 'registry', nodeAccess: false, ownsState: true } as const;
  return defineCluster({ name, title: `Toy ${name}`, capabilities, load: async () => provider });
}

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail('it did not throw'),
    (error: unknown) => error,
  );

describe('the registry of clusters', () => {
  const [near, far] = [toyCluster('near', false), toyCluster('far', true)];

  it('names, and says of each what it is; what the command line offers is made of it', () => {
    expect(clusterChoices).to.deep.equal(['auto', ...clusters.map(({ name }) => name)]);
    const names = [...clusters, ...plannedClusters].map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { title } of [...clusters, ...plannedClusters]) expect(title).to.match(/\w{3}/);
  });

  it('every entry loads a provider that has its name', async () => {
    for (const entry of clusters) expect((await entry.load()).name).to.equal(entry.name);
  });

  it('auto walks the entries in their order, and keeps why each can or cannot be used', async () => {
    const planned = [{ name: 'later', title: 'Later', outlook: async () => 'one day' }];
    const detections = await detectProviders([near, far], planned);
    expect(detections).to.deep.equal([
      { provider: 'near', usable: false, reason: 'no near here' },
      { provider: 'far', usable: true, reason: 'fine' },
      { provider: 'later', usable: false, reason: 'not built yet; one day' },
    ]);
    const { provider, mechanisms } = await chooseProvider('auto', detections, [near, far]);
    expect(provider.name).to.equal('far');
    expect(mechanisms).to.deep.equal({ toy: 'far' });
    expect((await chooseProvider('auto', detections, [toyCluster('far', true), near])).provider.name).to.equal('far');
  });

  it('one that is asked for and cannot be used is refused, with its reason alone', async () => {
    const detections = await detectProviders([near, far], []);
    const error = await errorOf(chooseProvider('near', detections, [near, far]));
    expect(error).to.be.instanceOf(MeshproofError).and.include({ code: 'MESHPROOF_CLUSTER_UNAVAILABLE' });
    expect((error as Error).message)
      .to.contain('near: no near here')
      .and.not.to.contain('far');
  });

  it('when none can be used each says why', async () => {
    const none = [near, toyCluster('far', false)];
    const error = await errorOf(chooseProvider('auto', await detectProviders(none, []), none));
    expect((error as Error).message).to.contain('near: no near here\n  far: no far here');
  });

  it('labs of all kinds are listed, reaped and deleted together', async () => {
    const entries = [toyCluster('a', true, new Set(['z', 'both'])), toyCluster('b', true, new Set(['y', 'both']))];
    const names = async (): Promise<string[]> =>
      (await listLabs({ ask: false }, entries)).map(({ name, provider }) => `${name} ${provider}`);
    expect(await names()).to.have.members(['both a', 'both b', 'y b', 'z a']);
    expect(await reapLabs(entries)).to.deep.equal(['dead-a', 'dead-b']);
    expect(await labRemains('both', entries)).to.deep.equal(['a both', 'b both']);
    await deleteLab('both', entries);
    await deleteLab('nobody', entries);
    expect(await names()).to.deep.equal(['y b', 'z a']);
    expect(await labRemains('both', entries)).to.deep.equal([]);
  });
});

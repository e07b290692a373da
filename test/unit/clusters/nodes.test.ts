import { expect } from 'chai';
import { bridgeCommands, bridgedNodeCommands } from '../../../src/clusters/embedded/bridge.ts';
import { nodeComponents } from '../../../src/clusters/embedded/components.ts';
import { embeddedProvider } from '../../../src/clusters/embedded/embedded-provider.ts';
import { cniConfig, kubeProxyConfig } from '../../../src/clusters/embedded/node-config.ts';
import { checkNodeCount, planNodes } from '../../../src/clusters/embedded/node-plan.ts';
import type { NodeTools } from '../../../src/clusters/embedded/node-tools.ts';
import { podNetworkOf } from '../../../src/clusters/embedded/pod-network.ts';
import type { ClusterContext } from '../../../src/clusters/provider.ts';
import { nodesOption } from '../../../src/cli/options.ts';
import { checkNodes } from '../../../src/lab/check-nodes.ts';

const lab = { name: 'dev', id: 'dev-0123abcd' };
const three = planNodes({ ...lab, nodes: 3 }, '/labs/dev');

describe('nodes of an embedded lab', () => {
  it('one alone is as it always was: the lab’s folder, name and cgroup, no zone and no bridge', () => {
    const alone = {
      number: 1,
      name: 'dev-node',
      title: 'The node',
      dir: '/labs/dev',
      podCidr: '10.244.0.0/24',
      bridgeIp: undefined,
      zone: undefined,
      cgroupRoot: '/meshproof/dev-0123abcd',
    };
    expect(planNodes(lab, '/labs/dev')).to.deep.equal([alone]);
    expect(planNodes({ ...lab, nodes: 1 }, '/labs/dev')).to.deep.equal([alone]);
  });

  it('several share nothing: name, folder, pods, address, zone, cgroup', () => {
    for (const field of ['name', 'dir', 'podCidr', 'bridgeIp', 'zone', 'cgroupRoot'] as const)
      expect(new Set(three.map((plan) => plan[field])).size, field).to.equal(3);
    expect(three[0]?.dir).to.equal('/labs/dev');
    expect(three[2]).to.deep.equal({
      number: 3,
      name: 'dev-node-3',
      title: 'Node dev-node-3',
      dir: '/labs/dev/nodes/3',
      podCidr: '10.244.2.0/24',
      bridgeIp: '10.245.0.3',
      zone: 'zone-3',
      cgroupRoot: '/meshproof/dev-0123abcd/node-3',
    });
    // The longest name of a lab, as a label of DNS.
    expect(planNodes({ name: 'x'.repeat(24), id: 'x', nodes: 5 }, '/').at(-1)?.name.length).to.be.at.most(63);
  });

  it('have routes to each other’s pods, and a veth each to the bridge of the first', () => {
    const nodes = three.map(({ number, bridgeIp = '', podCidr }) => ({ number, pid: 40 + number, bridgeIp, podCidr }));
    expect(bridgeCommands(nodes)).to.deep.equal([
      'link add nodes type bridge forward_delay 0',
      'address add 10.245.0.1/24 dev nodes',
      'link set nodes up',
      'link add node2 type veth peer name eth0 netns 42',
      'link set node2 master nodes',
      'link set node2 up',
      'link add node3 type veth peer name eth0 netns 43',
      'link set node3 master nodes',
      'link set node3 up',
      'route add 10.244.1.0/24 via 10.245.0.2',
      'route add 10.244.2.0/24 via 10.245.0.3',
    ]);
    expect(bridgedNodeCommands(nodes[1]!, nodes)).to.deep.equal([
      'link set lo up',
      'address add 10.245.0.2/24 dev eth0',
      'link set eth0 up',
      'route add 10.96.0.0/16 dev eth0',
      'route add 10.244.0.0/24 via 10.245.0.1',
      'route add 10.244.2.0/24 via 10.245.0.3',
    ]);
    expect(bridgeCommands([])).to.deep.equal([]);
  });

  it('give their pods addresses of their own, and count those of all as pods', () => {
    const subnets = three.map(({ podCidr }) => JSON.parse(cniConfig(podCidr)).plugins[0].ipam.ranges[0][0].subnet);
    expect(subnets).to.deep.equal(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']);
    expect(JSON.parse(kubeProxyConfig('/x', 'dev-node-2'))).to.include({
      clusterCIDR: '10.244.0.0/16',
      hostnameOverride: 'dev-node-2',
    });
  });

  it('say their zone, where there is more than one', () => {
    const bin = { kubelet: '/k', 'kube-proxy': '/p', containerd: '/c' };
    const tools = { kubernetes: { bin }, containerd: { bin } } as unknown as NodeTools;
    const kubelet = (zone: string | undefined): string[] =>
      nodeComponents({ dir: '/d', tools, nodeName: 'n', nodeIp: '10.0.0.1', zone }).find(
        ({ name }) => name === 'kubelet',
      )!.argv;
    expect(kubelet('zone-2')).to.include('--node-labels=topology.kubernetes.io/zone=zone-2');
    expect(kubelet(undefined).join()).to.not.include('--node-labels');
  });

  for (const nodes of [0, -1, 6, 1.5, Number.NaN]) {
    it(`are not ${nodes}: nothing is started`, async () => {
      expect(() => checkNodeCount(nodes))
        .to.throw(`cannot have ${nodes} nodes`)
        .with.property('hint')
        .that.includes('1 to 5');
      const context = {} as ClusterContext;
      const error = await embeddedProvider
        .create({ name: 'x', ownedByProcess: true, nodes }, context)
        .catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'MESHPROOF_USAGE' });
    });
  }

  it('are 1 to 5 on the command line', () => {
    const parse = (value: string): unknown => nodesOption().parseArg?.(value, undefined);
    expect(['1', '5'].map(parse)).to.deep.equal([1, 5]);
    for (const bad of ['0', '6', '-1', '1.5', 'three', '', '11'])
      expect(() => parse(bad), bad).to.throw('expected a whole number from 1 to 5');
  });

  it('of a lab that is there have to be as many as are asked for', async () => {
    const cluster = { name: 'dev', nodes: async () => Array.from({ length: 3 }, () => ({}) as never) };
    await checkNodes(cluster, undefined);
    await checkNodes(cluster, 3);
    const error = await checkNodes(cluster, 1).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_LAB_STALE' });
    expect(String(error)).to.include('has 3 nodes, 1 are asked for');
  });

  it('a pod that is on none of them cannot be captured', async () => {
    const pod = { namespace: 'n', name: 'p', uid: 'u', ip: '', node: 'elsewhere' };
    const error = await podNetworkOf([])
      .command(pod, ['true'])
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_CAPTURE' });
  });
});

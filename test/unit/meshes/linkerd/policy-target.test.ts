import { expect } from 'chai';
import type { KubeClient, KubeObject } from '../../../../src/kube/types.ts';
import type { AdminPort } from '../../../../src/meshes/admin-port.ts';
import { planPolicies, resetPolicies } from '../../../../src/meshes/apply-policies.ts';
import type { Cli } from '../../../../src/meshes/linkerd/cli.ts';
import { linkerdPolicyTarget } from '../../../../src/meshes/linkerd/policy-target.ts';
import { proxyState } from '../../../../src/meshes/linkerd/proxy-state.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const connected = 'control_request_total{addr="linkerd-policy.linkerd.svc.cluster.local.:8090"} 1\n';

/** A namespace with one service and its pod, and a control plane that tells what the Service's annotations say. */
function world(annotations: Record<string, string> = {}, profiles: string[] = []) {
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'trips', annotations },
    spec: { selector: { app: 'trips' }, ports: [{ port: 80, targetPort: 8080 }] },
  };
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'trips-1', namespace: 'shop', uid: 'uid', labels: { app: 'trips' } },
    spec: {
      containers: [{ name: 'app', ports: [{ containerPort: 8080 }] }],
      initContainers: [{ name: 'linkerd-proxy' }],
      serviceAccountName: 'trips',
    },
    status: { phase: 'Running', initContainerStatuses: [{ name: 'linkerd-proxy', started: true, ready: true }] },
  };
  const kube = {
    list: async (path: string) => {
      if (path.endsWith('/services')) return [structuredClone(service)];
      if (path.endsWith('/pods')) return [pod];
      return path.endsWith('/serviceprofiles')
        ? profiles.map((name) => ({ metadata: { name: `${name}.shop.svc.cluster.local` } }))
        : [];
    },
    get: async (path: string) => (path.includes('/services/') ? structuredClone(service) : pod),
    patch: async (_path: string, { metadata }: { metadata: { annotations: Record<string, string | null> } }) => {
      for (const [name, value] of Object.entries(metadata.annotations)) {
        if (value === null) delete annotations[name];
        else annotations[name] = value;
      }
    },
  } as unknown as KubeClient;
  const cli: Cli = async () => {
    const request = Number.parseInt(annotations['timeout.linkerd.io/request'] ?? '0', 10);
    const rules = [{ timeouts: { request: { seconds: Math.trunc(request / 1000), nanos: (request % 1000) * 1e6 } } }];
    const http1 = { routes: [{ rules }] };
    return { stdout: JSON.stringify({ protocol: { Kind: { Detect: { http1 } } } }), stderr: '', exitCode: 0 };
  };
  const admin = { text: async (_pod: unknown, path: string) => (path === '/metrics' ? connected : '') };
  const target = linkerdPolicyTarget({ kube, cli, admin: admin as unknown as AdminPort, namespace: 'shop' });
  return { target, annotations };
}

const timeout: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 1500 };
const own = { 'timeout.linkerd.io/request': '3s', 'team.example/owner': 'us' };

describe('policies that are annotations of a Service', () => {
  it('are written, in force, and taken back to what the user said', async () => {
    const { target, annotations } = world({ ...own });
    const applied = await (await planPolicies(target, [timeout], undefined)).apply();
    expect(annotations['timeout.linkerd.io/request']).to.equal('1500ms');
    expect(annotations['team.example/owner']).to.equal('us');
    await applied.undo();
    expect(annotations).to.deep.equal(own);
  });

  it('are taken back by a later process that knows nothing of them', async () => {
    const { target, annotations } = world({ ...own });
    await (await planPolicies(target, [timeout], undefined)).apply();
    await (await planPolicies(target, [{ ...timeout, timeoutMs: 700 }], undefined)).apply();
    await resetPolicies(target, []);
    expect(annotations).to.deep.equal(own);
  });

  it('are not in force where a ServiceProfile switches them off, and that is what is said', async () => {
    const { target } = world({}, ['trips']);
    await target.write({ id: 'Service/trips', value: { annotations: { 'timeout.linkerd.io/request': '1500ms' } } });
    const [proxy] = await target.proxies();
    expect(await (await proxy!.look()).compare(timeout)).to.deep.equal({
      has: 'switched off by the ServiceProfile of trips',
      wants: [{ timeoutMs: 1500 }],
    });
  });

  it('are not settled where a proxy is not connected to who tells it', async () => {
    const { target } = world();
    const [proxy] = await target.proxies();
    expect((await proxy!.look()).unsettled).to.equal(undefined);
    const admin = { text: async () => 'nothing_of_interest 1\n' } as unknown as AdminPort;
    const ref = { namespace: 'shop', name: 'trips-1', uid: 'uid', ip: '', node: '' };
    expect((await proxyState(admin, { ref, isServer: true })).problem?.problem).to.equal('not-connected');
  });
});

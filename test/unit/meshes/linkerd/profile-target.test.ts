import { expect } from 'chai';
import { KubeApiError } from '../../../../src/kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../../../src/kube/types.ts';
import type { AdminPort } from '../../../../src/meshes/admin-port.ts';
import { planPolicies, resetPolicies, writePolicies } from '../../../../src/meshes/apply-policies.ts';
import type { Cli } from '../../../../src/meshes/linkerd/cli.ts';
import { healthChecks } from '../../../../src/meshes/linkerd/health-checks.ts';
import { linkerdPolicyTarget } from '../../../../src/meshes/linkerd/policy-target.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const connected = 'control_request_total{addr="linkerd-policy.linkerd.svc.cluster.local.:8090"} 1\n';
const host = 'trips.shop.svc.cluster.local';
const base = '/apis/linkerd.io/v1alpha2/namespaces/shop/serviceprofiles';

type Spec = { routes?: { name: string; isRetryable?: boolean; timeout?: string; condition: { pathRegex: string } }[] };

/** One service with its pod, and a control plane that tells what ServiceProfiles say, late by so many questions. */
function world({
  there = {},
  late = 0,
  annotations = {},
}: { there?: Record<string, Spec>; late?: number; annotations?: Record<string, string> } = {}) {
  const profiles = new Map<string, KubeObject>();
  const store = (name: string, spec: Spec, more: object = {}): void => {
    profiles.set(name, { apiVersion: '', kind: 'ServiceProfile', metadata: { name, ...more }, spec });
  };
  for (const [name, spec] of Object.entries(there)) store(name, spec, { annotations: { 'team.example/owner': 'us' } });
  const service = (name: string, appProtocol?: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, annotations: name === 'trips' ? annotations : {} },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080, appProtocol }] },
  });
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
  const missing = (): never => {
    throw new KubeApiError({ call: 'GET', httpStatus: 404, reason: 'NotFound', message: 'no such object' });
  };
  const profileAt = (path: string): KubeObject => profiles.get(path.slice(base.length + 1)) ?? missing();
  const kube = {
    list: async (path: string) => {
      if (path.endsWith('/services')) return [service('trips'), service('db', 'tcp')];
      if (path.endsWith('/pods')) return [pod];
      return path === base ? structuredClone([...profiles.values()]) : [];
    },
    get: async (path: string) =>
      path.startsWith(base) ? structuredClone(profileAt(path)) : path.includes('/services/') ? service('trips') : pod,
    create: async ({ metadata, spec }: KubeObject) => store(metadata.name, spec as Spec, metadata),
    delete: async (path: string) => void profiles.delete(path.slice(base.length + 1)),
    patch: async (path: string, operations: { path: string; value: never }[]) => {
      if (!path.startsWith(base)) return;
      const object = profileAt(path);
      for (const { path: field, value } of operations)
        if (field === '/spec') object.spec = value;
        else object.metadata.annotations = value;
    },
  } as unknown as KubeClient;
  const asked: string[] = [];
  const seen: Spec[] = [];
  const cli: Cli = async ([, what = '', about = '']) => {
    asked.push(what === 'profile' ? about : what);
    seen.push(structuredClone((profiles.get(host)?.spec ?? {}) as Spec));
    const { routes = [] } = seen.at(-1 - late) ?? {};
    const answer =
      what === 'profile'
        ? {
            routes: routes.map(({ name, isRetryable, timeout, condition }) => ({
              metrics_labels: { route: name },
              condition: { Match: { Path: { regex: condition.pathRegex } } },
              is_retryable: isRetryable,
              timeout: { seconds: 0, nanos: Number.parseInt(timeout ?? '0', 10) * 1e6 },
            })),
          }
        : { protocol: { Kind: { Detect: { http1: { routes: [] } } } } };
    return { stdout: JSON.stringify(answer), stderr: '', exitCode: 0 };
  };
  const admin = { text: async (_: unknown, path: string) => (path === '/metrics' ? connected : '') };
  const options = { kube, cli, admin: admin as unknown as AdminPort, namespace: 'shop' };
  const target = linkerdPolicyTarget({ ...options, dialect: 'service-profile' });
  return { target, usual: linkerdPolicyTarget(options), profiles, asked, kube, cli };
}

const timeout: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 700 };
const plain = { routes: [{ name: 'all', condition: { pathRegex: '.*' } }] };
const theirs: Spec = { routes: [{ name: 'theirs', isRetryable: true, condition: { pathRegex: '/x' } }] };

describe('policies that are ServiceProfiles', () => {
  it('have a ServiceProfile of every HTTP service from the beginning, and of no other', async () => {
    const { target, profiles } = world();
    await writePolicies(target, []);
    expect([...profiles]).to.have.length(1);
    expect(profiles.get(host)).to.deep.include({ spec: plain });
  });

  it('are written, asked for as proxies ask, and taken back to the profile that says nothing', async () => {
    const { target, profiles, asked } = world();
    await writePolicies(target, []);
    const applied = await (await planPolicies(target, [timeout], undefined)).apply();
    expect(applied.rendered).to.include('kind: ServiceProfile').and.to.include('timeout: 700ms');
    expect(applied.rendered).to.include(`name: ${host}`);
    expect(asked).to.include(`${host}:80`);
    await applied.undo();
    expect(profiles.get(host)!.spec).to.deep.equal(plain);
  });

  it('are in force when callers are told them, not when they are written', async () => {
    const { target, asked } = world({ late: 3 });
    await writePolicies(target, []);
    await (await planPolicies(target, [timeout], undefined)).apply();
    expect(asked.filter((one) => one.startsWith(host)).length).to.be.greaterThan(2);
  });

  it('are taken back by a later process that knows nothing of them, and that waits until callers are told', async () => {
    const { target, profiles, asked } = world({ late: 2 });
    await writePolicies(target, []);
    await (await planPolicies(target, [timeout], undefined)).apply();
    asked.length = 0;
    await resetPolicies(target, []);
    expect(profiles.get(host)!.spec).to.deep.equal(plain);
    expect(asked.filter((one) => one.startsWith(host)).length, 'asked until it was so').to.be.greaterThan(1);
  });

  it('give a ServiceProfile of somebody else back as it was, also by a later process', async () => {
    for (const how of ['undo', 'reset'] as const) {
      const { target, profiles } = world({ there: { [host]: theirs } });
      await writePolicies(target, []);
      expect(profiles.get(host)!.spec, 'untouched without a policy').to.deep.equal(theirs);
      const applied = await (await planPolicies(target, [timeout], undefined)).apply();
      expect(profiles.get(host)!.spec).to.not.deep.equal(theirs);
      await (how === 'undo' ? applied.undo() : resetPolicies(target, []));
      expect(profiles.get(host)!.spec, how).to.deep.equal(theirs);
      expect(profiles.get(host)!.metadata.annotations, how).to.deep.equal({ 'team.example/owner': 'us' });
    }
  });

  it('are none of those that a namespace has for services of others', async () => {
    const { target, profiles } = world({ there: { 'trips.other.svc.cluster.local': theirs } });
    await writePolicies(target, []);
    await resetPolicies(target, []);
    expect(profiles.get('trips.other.svc.cluster.local')!.spec).to.deep.equal(theirs);
  });

  it('leave nothing where policies are told in the usual way again', async () => {
    const { target, usual, profiles } = world();
    await writePolicies(target, []);
    await (await planPolicies(target, [timeout], undefined)).apply();
    await resetPolicies(usual, []);
    expect([...profiles]).to.deep.equal([]);
  });
});

describe('ServiceProfiles in the eyes of health', () => {
  const look = async (profiled: boolean, of: Parameters<typeof world>[0]) => {
    const { kube, cli, target } = world(of);
    if (profiled) await writePolicies(target, []);
    const check = healthChecks({ kube, cli, namespace: 'shop', profiled }).find(
      ({ id }) => id === 'mesh/service-profiles',
    );
    const { problems, fine } = await check!.look();
    return { problems, fine };
  };
  const annotations = { 'retry.linkerd.io/limit': '3', 'team.example/owner': 'us' };

  it('are a finding where policies are annotations', async () => {
    expect((await look(false, {})).problems).to.deep.equal([]);
    const { problems } = await look(false, { there: { [host]: theirs } });
    expect(problems.join()).to.match(/^trips has a ServiceProfile: its callers go by that, and by no retry/);
  });

  it('are none where policies are ServiceProfiles, unless a Service says something else in vain', async () => {
    expect(await look(true, {})).to.deep.equal({
      problems: [],
      fine: 'what their services’ callers go by: 1 of meshproof',
    });
    expect((await look(true, { there: { [host]: theirs } })).fine).to.include('and of others for trips');
    expect((await look(true, { annotations })).problems).to.deep.equal([
      'trips has a ServiceProfile: its callers go by that, and not by retry.linkerd.io/limit of the Service',
    ]);
  });
});

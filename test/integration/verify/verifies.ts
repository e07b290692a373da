import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pollUntil } from '../../../src/base/poll.ts';
import type { HealthCheck } from '../../../src/observe/health/health.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { MeshAdapter } from '../../../src/meshes/adapter.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import type { Policy } from '../../../src/policies/index.ts';
import type { Verdict } from '../../../src/report/model.ts';
import { meshproof, startMeshproof, untilSaid } from '../../e2e/cli.ts';
import { namespace, openTestMesh, type TestedMesh, type TestMesh } from '../meshes/test-mesh.ts';
import { allObjects, differing } from './all-objects.ts';
import { flakyLink } from './flaky-link.ts';
import { objectsOf, tokenOf, writeKubeconfig } from './guest.ts';

interface Said {
  verdict: Verdict;
  assertions: { id: string; status: string; observed: string }[];
  health: HealthCheck[];
  report: string;
}

/** Proxies bring their latencies up to date every five seconds. */
const window = ['--window', '8s'];

/** `client` calls `server` (two replicas) in a namespace of somebody's, and a guest with the documented rights looks at it. */
export function verifies<Mesh extends MeshAdapter>(of: TestedMesh<Mesh> & { entry: MeshEntry }): void {
  const { title, name, keepOut } = of.entry;

  describe(`meshproof verify, on ${title}`, function () {
    this.timeout(300_000);
    let on: TestMesh<Mesh>;
    const folder = mkdtempSync(join(tmpdir(), 'meshproof-verify-'));
    const kubeconfig = join(folder, 'reader.yaml');
    let roles: KubeObject[] = [];
    let token = '';

    const guest = (...more: string[]): string[] => [
      ...['verify', '--kubeconfig', kubeconfig, '--context', 'reader', '--namespace', namespace, '--json'],
      ...['--reports', join(folder, 'reports'), ...window, ...more],
    ];
    /** Requests from `client` to `server` until it is disposed of. */
    const traffic = (query = ''): AsyncDisposable => {
      let enough = false;
      const calls = (async () => {
        while (!enough) await on.call('client', `http://server/${query}`, 25);
      })();
      return {
        async [Symbol.asyncDispose]() {
          enough = true;
          await calls;
        },
      };
    };
    const verify = async (exitCode: number, { query = '', more = [] as string[] } = {}): Promise<Said> => {
      await using _traffic = traffic(query);
      const result = await meshproof(guest(...more));
      expect(result.exitCode, result.all).to.equal(exitCode);
      return JSON.parse(result.stdout) as Said;
    };
    /** Ids of what is not a pass, by status; without those that are in health only. */
    const trouble = ({ assertions }: Said, status: string): string[] =>
      assertions.filter((assertion) => assertion.status === status).map(({ id }) => id.replace('verify/', ''));

    before(async () => {
      on = await openTestMesh(of);
      const { kube } = on.lab;
      const inside = async (...objects: KubeObject[]): Promise<void> =>
        kube.apply(on.mesh.inject(objects, { namespace }));
      const baseline: Policy[] = [{ kind: 'authorize', to: 'server', from: ['client'] }];
      await on.mesh.install(baseline, async () => {
        await inside({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
        await inside(on.idle('client'), on.idle('outsider', keepOut));
        await on.deployMore(['server']);
        await kube.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/server`, { spec: { replicas: 2 } });
        await on.rolledOut(['client', 'outsider', 'server']);
      });
      await on.settled();
      await on.mesh.resetPolicies(baseline);
      const rbac = await meshproof(['verify', '--rbac', '--namespace', namespace, '--mesh', name]);
      roles = objectsOf(rbac.stdout);
      await kube.apply(roles);
      token = await tokenOf(on.lab, namespace);
      writeKubeconfig(kubeconfig, on.lab, { token });
    });

    after(async () => {
      await on?.lab.delete();
      rmSync(folder, { recursive: true, force: true });
    });

    it('passes with the documented rights alone, changes nothing, and its report can be judged again', async () => {
      const { kube } = on.lab;
      const before_ = await allObjects(kube);
      const said = await verify(0);
      expect(differing(before_, await allObjects(kube))).to.deep.equal([]);
      expect(said.verdict.status).to.equal('healthy');
      expect(said.assertions.map(({ id, status }) => `${status} ${id}`)).to.deep.equal([
        'pass verify/rights',
        'pass verify/proxies',
        'pass verify/health',
        'pass verify/sidecars',
        'pass verify/mode/server',
        'pass verify/edges/client--server',
        'pass verify/identities',
        'pass verify/signals/server',
      ]);
      const check = await meshproof(['report', 'check', join(said.report, '..')]);
      expect(check.exitCode, check.all).to.equal(0);
      expect(readFileSync(join(said.report, '..', 'report.html'), 'utf8')).to.include('was only looked at');
      // The control: what is compared shows a change.
      await kube.patch(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { changed: 'true' } } });
      expect(differing(before_, await allObjects(kube))).to.deep.equal([`Namespace /${namespace}`]);
    });

    it('survives ten seconds without its API server', async () => {
      const server = writeKubeconfig(kubeconfig, on.lab, { token });
      await using link = await flakyLink(server);
      writeKubeconfig(kubeconfig, on.lab, { token, server: link.url });
      await using _traffic = traffic();
      const looking = startMeshproof(guest('--window', '15s'));
      await untilSaid(looking, /watching traffic/);
      const before_ = link.connections();
      link.cut(10_000);
      const { exitCode, stdout, stderr } = await looking;
      writeKubeconfig(kubeconfig, on.lab, { token });
      expect(exitCode, `${stdout}\n${stderr}`).to.equal(0);
      expect(link.connections(), 'it was connected anew').to.be.greaterThan(before_);
    });

    it('has no conclusion without traffic', async () => {
      const result = await meshproof(guest());
      expect(result.exitCode, result.all).to.equal(4);
      const said = JSON.parse(result.stdout) as Said;
      expect(trouble(said, 'fail')).to.deep.equal([]);
      expect(trouble(said, 'invalid')).to.deep.equal(['edges/client--server', 'signals/server']);
    });

    it('goes red on an error rate above the bound', async () => {
      const said = await verify(1, { query: '?failEvery=4' });
      expect(trouble(said, 'fail')).to.deep.equal(['signals/server']);
      expect(trouble(await verify(0, { query: '?failEvery=4', more: ['--errors-at-most', '60'] }), 'fail')).to.be.empty;
    });

    it('says which right is missing before anything starts, and has no conclusion of what it was for', async () => {
      const { kube } = on.lab;
      const clusterRole = roles.find(({ kind }) => kind === 'ClusterRole')!;
      const withoutNodes = {
        ...clusterRole,
        rules: (clusterRole['rules'] as { resources?: string[] }[]).filter(
          ({ resources }) => resources?.[0] !== 'nodes',
        ),
      };
      await kube.apply([withoutNodes]);
      {
        await using _traffic = traffic();
        const result = await meshproof(guest());
        expect(result.exitCode, result.all).to.equal(4);
        expect(result.stderr).to.match(/a right is missing: list nodes in the whole cluster/);
        const said = JSON.parse(result.stdout) as Said;
        expect(trouble(said, 'invalid')).to.deep.equal(['rights', 'health']);
      }
      await kube.apply([clusterRole]);
      const own = roles.find(({ kind, metadata }) => kind === 'RoleBinding' && metadata.namespace === namespace)!;
      await kube.delete(await kube.pathOf(own));
      const blind = await meshproof(guest());
      expect(blind.exitCode, blind.all).to.equal(3);
      expect(blind.stderr).to.match(/MESHPROOF_RIGHTS.*list pods in namespace trial.*create pods\/portforward/);
      await kube.apply([own]);
      writeKubeconfig(kubeconfig, on.lab, { token: 'revoked' });
      const unknown = await meshproof(guest());
      expect(unknown.exitCode, unknown.all).to.equal(3);
      expect(unknown.stderr).to.match(/MESHPROOF_CREDENTIALS/);
      writeKubeconfig(kubeconfig, on.lab, { token });
    });

    it('goes red on a permissive mode, and on the plaintext edge that comes of it', async () => {
      const permissive = await on.mesh.apply([{ kind: 'mtls', service: 'server', mode: 'permissive' }]);
      expect(trouble(await verify(1), 'fail')).to.deep.equal(['mode/server']);
      await on.call('outsider', 'http://server/', 5);
      expect(trouble(await verify(1), 'fail')).to.deep.equal(['mode/server', 'edges/outside-the-mesh--server']);
      await permissive.undo();
      expect(trouble(await verify(0), 'fail')).to.be.empty;
    });

    it('goes red on a replica without a sidecar', async () => {
      const { kube } = on.lab;
      const bare = on.bareServerPod();
      const path = `/api/v1/namespaces/${namespace}/pods/${bare.metadata.name}`;
      // As a pod that was made while no injector looked.
      bare.metadata.labels = { ...bare.metadata.labels, ...keepOut.labels };
      await kube.apply([bare]);
      await pollUntil(
        async () => {
          const { status } = await kube.get(path);
          return (status as { phase?: string }).phase === 'Running' ? { ready: true } : { pending: 'not running yet' };
        },
        { what: 'the pod', timeoutMs: 60_000 },
      );
      const said = await verify(1);
      expect(trouble(said, 'fail')).to.include('sidecars');
      expect(said.assertions.find(({ id }) => id === 'verify/sidecars')?.observed).to.include('no-sidecar');
      await kube.delete(path, { gracePeriodSeconds: 0 });
    });
  });
}

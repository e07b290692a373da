import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pollUntil } from '../../../src/base/poll.ts';
import type { App, AppService } from '../../../src/apps/app.ts';
import { openEvidence } from '../../../src/evidence/store.ts';
import { consulAdapter } from '../../../src/meshes/consul/adapter.ts';
import { consul } from '../../../src/meshes/consul/index.ts';
import { collectFailureEvidence } from '../../../src/observe/diagnosis/failure-evidence.ts';
import { diagnoseStart } from '../../../src/observe/diagnosis/diagnose-start.ts';
import type { StartDiagnosis, StartFinding } from '../../../src/observe/diagnosis/finding.ts';
import { lookIntoPod } from '../../../src/observe/diagnosis/look-into-pod.ts';
import { namespace, openTestMesh, type TestMesh } from '../meshes/test-mesh.ts';

const service = (name: string, calls: string[] = []): AppService => ({
  name,
  port: 80,
  containerPort: 8080,
  protocol: 'http',
  selector: { app: name },
  container: 'app',
  account: name,
  alsoCalls: [],
  plant: [],
  routes: [],
  calls: calls.map((destination) => ({ service: destination })),
});
const services = [service('server'), service('legacy'), service('client', ['server']), service('stranger', ['server'])];
const app = { id: 'trial', title: 'Trial', namespace, services, edges: [] } satisfies App;

describe('what keeps a pod of a mesh from working', function () {
  this.timeout(240_000);
  let on: TestMesh;

  before(async () => {
    on = await openTestMesh({ entry: consul, open: consulAdapter });
    await on.mesh.install();
    await on.mesh.apply([
      { kind: 'authorize', to: 'server', from: ['client'] },
      { kind: 'authorize', to: 'legacy', from: ['client'] },
    ]);
    await on.deploy();
    await on.settled();
  });
  after(async () => {
    await on?.lab.delete();
  });

  const diagnose = async (name: string, pod?: string, changed: App = app): Promise<StartDiagnosis> => {
    const [first] = pod === undefined ? await on.podsOf(name) : [{ name: pod }];
    return diagnoseStart({
      kube: on.lab.kube,
      mesh: on.mesh,
      app: changed,
      namespace,
      pods: [{ service: name, pod: first!.name }],
      toolImage: on.toolImage,
    });
  };
  const inNetworkOf = async (name: string, script: string): Promise<void> => {
    const [pod] = await on.podsOf(name);
    await lookIntoPod(on.lab.kube, pod!, { image: on.toolImage, script });
  };
  const only = ({ findings }: StartDiagnosis): StartFinding => {
    expect(findings, JSON.stringify(findings)).to.have.length(1);
    return findings[0]!;
  };

  it('is nothing of the mesh where every call gets through', async () => {
    const { findings, unexplained } = await diagnose('client');
    expect(findings).to.deep.equal([]);
    expect(unexplained[0]!.reason).to.match(/every call it makes gets through/);
  });

  it('is a policy that does not let it in', async () => {
    expect(only(await diagnose('stranger'))).to.include({
      edge: 'stranger -> server',
      cause: 'policy',
      observed: 'server does not let stranger in, only client',
    });
  });

  it('is a way that its proxy does not know', async () => {
    const changed = {
      ...app,
      services: services.map((each) => (each.name === 'client' ? service('client', ['legacy']) : each)),
    };
    const found = only(await diagnose('client', undefined, changed));
    expect(found).to.include({ edge: 'client -> legacy', cause: 'past the proxy (plaintext)' });
    expect(found.observed).to.match(/knows no way to legacy/);
  });

  it('is a port that is let past its proxy: the rule is named, and what strict servers refused', async () => {
    const rule = 'CONSUL_PROXY_OUTPUT -p tcp -m tcp --dport 80 -j RETURN';
    await inNetworkOf('client', `iptables -t nat -I ${rule}`);
    expect((await on.call('client', 'http://server/', 3)).map(({ status }) => status)).to.deep.equal([0, 0, 0]);
    const found = only(await diagnose('client'));
    expect(found).to.include({ edge: 'client -> server', cause: 'past the proxy (plaintext)' });
    expect(found.observed).to.contain(`(-A ${rule})`);
    const refused = /(\d+) connections refused that were no proper TLS/.exec(found.evidence.join('\n'))?.[1];
    expect(Number(refused), found.evidence.join('\n')).to.be.at.least(3);
    await inNetworkOf('client', `iptables -t nat -D ${rule}`);
    expect((await diagnose('client')).findings, 'control').to.deep.equal([]);
  });

  it('is interception that has gone altogether', async () => {
    await inNetworkOf('client', 'iptables -t nat -F OUTPUT');
    const found = only(await diagnose('client'));
    expect(found).to.include({ edge: 'client -> server', cause: 'past the proxy (plaintext)' });
    expect(found.observed).to.match(/no rule in the pod turns them to the proxy/);
  });

  it('is a proxy that is not there', async () => {
    const { kube } = on.lab;
    const { template } = on.idle('client').spec;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client-without-sidecar', namespace, labels: { app: 'client' } },
      spec: template.spec,
    };
    await kube.apply([pod]);
    const found = only(await diagnose('client', pod.metadata.name));
    expect(found).to.include({ edge: 'client -> server', cause: 'no sidecar' });
    await kube.delete(`/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}`, { gracePeriodSeconds: 0 });
  });

  it('is an account that may not be the service it claims to be', async () => {
    const { kube } = on.lab;
    const impostor = on.idle('impostor', { labels: { app: 'client', role: 'impostor' } });
    impostor.spec.selector.matchLabels = { role: 'impostor' };
    impostor.spec.template.spec.serviceAccountName = 'stranger';
    await kube.apply(on.mesh.inject([impostor], { namespace }));
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const found = await pollUntil<StartFinding>(
      async () => {
        const [pod] = await kube.list(path, 'role=impostor');
        if (!pod) return { pending: 'no pod' };
        const { findings, unexplained } = await diagnose('client', pod.metadata.name);
        return findings[0] ? { ready: findings[0] } : { pending: unexplained[0]!.reason };
      },
      { what: 'the impostor', timeoutMs: 30_000, intervalMs: 500 },
    );
    expect(found, JSON.stringify(found)).to.include({ cause: 'identity' });
    expect(found.observed).to.match(/service account may not be this service/);
    await kube.delete(`/apis/apps/v1/namespaces/${namespace}/deployments/impostor`);
  });

  it('is kept as evidence: logs, events and what proxies were told, without a secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-failure-'));
    const [client, server] = [(await on.podsOf('client'))[0]!, (await on.podsOf('server'))[0]!];
    const token = await on.lab.kube.exec(client, ['cat', '/mesh/state/token'], { container: on.mesh.sidecarContainer });
    try {
      const files = await collectFailureEvidence({
        kube: on.lab.kube,
        mesh: on.mesh,
        pods: [client, server, { ...client, name: 'long-gone' }],
        evidence: await openEvidence(folder),
        path: 'evidence/retries/failure',
      });
      const names = files.map((file) => file.replace('evidence/retries/failure/', ''));
      expect(names).to.include.members([
        `${client.name}.mesh-init.log.txt`,
        `${client.name}.proxy.json`,
        `${server.name}.proxy.json`,
        `${namespace}.events.json`,
        'missing.json',
      ]);
      const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
      expect(texts[files.findIndex((file) => file.endsWith('missing.json'))]).to.contain('long-gone: it has gone');
      expect(texts.join('')).to.contain('registered as').and.to.contain('public_listener');
      expect(token.stdout.trim()).to.match(/^[0-9a-f-]{36}$/);
      for (const [index, text] of texts.entries()) {
        expect(text, names[index]).not.to.contain(token.stdout.trim());
        expect(text, names[index]).not.to.match(/PRIVATE KEY|BEGIN CERTIFICATE/);
        expect(text.length, names[index]).to.be.below(400_000);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is a control plane that has gone', async () => {
    await on.lab.kube.patch('/apis/apps/v1/namespaces/consul/deployments/consul-server', { spec: { replicas: 0 } });
    const found = await pollUntil<StartFinding>(
      async () => {
        const { findings, unexplained } = await diagnose('stranger');
        const [first] = findings;
        return first?.cause === 'control plane'
          ? { ready: first }
          : { pending: first?.cause ?? unexplained[0]!.reason };
      },
      { what: 'the control plane', timeoutMs: 30_000, intervalMs: 500 },
    );
    expect(found.edge).to.equal('stranger -> *');
  });
});

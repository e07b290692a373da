import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { pollUntil } from '../../src/base/poll.ts';
import { readyPods } from '../../src/kube/pods.ts';
import type { AppService } from '../../src/apps/app.ts';
import { loadApp } from '../../src/apps/load-app.ts';
import { lookIntoPod } from '../../src/observe/diagnosis/look-into-pod.ts';
import { clientName, probeContainer, probeLabels } from '../../src/lab/client.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { HealthCheck } from '../../src/observe/health/health.ts';
import type { EdgeRow } from '../../src/views/edges.ts';
import type { RouteRow } from '../../src/views/routes.ts';
import type { StatRow } from '../../src/views/stat.ts';
import type { TapEvent } from '../../src/views/tap-events.ts';
import type { TopRow } from '../../src/views/top.ts';
import { residue as faultResidue } from '../../src/faults/injectors/point/residue.ts';
import { armedRecords } from '../../src/run/rollback.ts';
import { BrokenLab, runTimeoutMs } from './broken-lab.ts';
import { idsWith, lastLineOf, meshproof, readRunReport, startMeshproof, untilSaid } from './cli.ts';
import { policiesAbsent } from './policies-absent.ts';

/** Pids of running tcpdumps whose command line names this. */
function tcpdumpsWriting(part: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const isTcpdump = readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'tcpdump';
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const file = argv[argv.indexOf('-w') + 1] ?? '';
        // It writes the file's header once it listens: before that it has not captured anything yet.
        return isTcpdump && file.includes(part) && statSync(file).size > 0;
      } catch {
        return false;
      }
    })
    .map(Number);
}

const labName = 'e2e';

/**
 * One shared lab; each test breaks one thing, runs only the scenario concerned through the command line, and sees exactly
 * what must go red go red. The healthy run is healthy-run.test.ts.
 */
describe('broken meshes', function () {
  this.timeout(runTimeoutMs + 60_000);
  const broken = BrokenLab.forSuite(labName, 'consul');
  const { folder, signal } = broken;
  let lab: Lab;
  /** Of a command that looks at the lab. */
  const rowsOf = async <Row>(...command: string[]): Promise<Row[]> => {
    const cli = await meshproof([...command, '--lab', labName, '--json']);
    expect(cli.stdout, cli.all).to.match(/^\[/);
    return JSON.parse(cli.stdout) as Row[];
  };
  before(() => {
    lab = broken.lab;
  });

  it('whole yet: app discover drafts its app file, with the calls that its proxies saw', async () => {
    const file = join(folder, 'draft.yaml');
    const { namespace } = lab.app;
    const drafted = await meshproof(['app', 'discover', '--lab', labName, '--namespace', namespace, '-o', file]);
    expect(drafted.exitCode, drafted.all).to.equal(0);
    const validated = await meshproof(['validate', file]);
    expect(validated.exitCode, validated.all).to.equal(0);
    const { services } = await loadApp(file);
    const known = (all: readonly AppService[]) => all.map(({ name, port, protocol }) => ({ name, port, protocol }));
    expect(known(services)).to.have.deep.members(known(lab.app.app.services));
    // Only probes have asked yet: tripviewer's asks for one of its two pages.
    const calls = (name: string) => services.find((each) => each.name === name)?.calls.map(({ service }) => service);
    for (const name of ['poi', 'trips', 'userprofile', 'user-java'])
      expect(calls(name), name).to.deep.equal(['postgres']);
    expect(calls('tripviewer')).to.deep.equal(['userprofile']);
    expect(readFileSync(file, 'utf8')).to.match(/no traffic was seen: trips by TRIPS_API_ENDPOINT/);
    const none = await meshproof(['app', 'discover', '--lab', labName, '--namespace', 'nowhere']);
    expect(none.exitCode, none.all).to.equal(2);
  });

  it('whole yet: what can be looked at without a run says so', async () => {
    const [asks] = await readyPods(lab.kube, lab.app.namespace, probeLabels);
    const loop = `for (const end = Date.now() + 90_000; Date.now() < end; await new Promise((go) => setTimeout(go, 100)))
      await fetch('http://trips/api/trips').then((answer) => answer.text(), () => {});`;
    const enough = new AbortController();
    const load = lab.kube
      .exec(asks!, ['node', '--input-type=module', '-e', loop], {
        container: probeContainer,
        timeoutMs: 100_000,
        signal: enough.signal,
      })
      .catch(() => {});
    const caller = await lab.mesh.identityOf(clientName);
    const edges = await rowsOf<EdgeRow>('edges');
    for (const { source, destination } of lab.app.app.edges.filter((edge) => edge.destination === 'postgres')) {
      const row = edges.find(({ id }) => id === `${source}->${destination}`);
      expect(row, `${source}->${destination}`).to.deep.include({
        secured: true,
        clientIdentities: [await lab.mesh.identityOf(source)],
        serverIdentities: [await lab.mesh.identityOf(destination)],
      });
    }
    expect(edges.filter(({ secured }) => secured === false)).to.deep.equal([]);
    const [stat] = (await rowsOf<StatRow>('stat', '--window', '3s')).filter(({ id }) => id === 'trips');
    expect(stat).to.include({ meshedPods: 2, pods: 2, successRate: 1, protocol: 'http' });
    expect(stat!.rps).to.be.within(1, 11);
    const routes = await rowsOf<RouteRow>('routes', 'trips', '--window', '3s');
    const route = routes.find(({ id }) => id === `${clientName}->trips`);
    expect(route).to.include({ effectiveSuccess: 1, actualSuccess: 1 });
    expect(route!.inForce.map(({ retries }) => retries)).to.deep.equal([0]);
    const events = await rowsOf<TapEvent>('tap', 'trips', '--path', '/api', '--count', '3');
    expect(events).to.have.length(3);
    for (const event of events)
      expect(event).to.include({ source: clientName, identity: caller, method: 'GET', status: 200, tls: true });
    const top = await rowsOf<TopRow>('top', 'trips', '--count', '3');
    expect(top.map(({ id }) => id)).to.include(`${clientName}->trips GET /api/trips`);
    enough.abort();
    await load;
    const health = await meshproof(['check', '--lab', labName]);
    expect(health.exitCode, health.all).to.equal(0);
    expect(health.lastLine).to.equal('Status check results are √');
    const proxies = await rowsOf<HealthCheck>('check', '--proxy');
    const pods = await lab.app.pods('trips');
    expect(proxies.map(({ id }) => id)).to.include.members(pods.map(({ name }) => `data-plane/${name}`));
    const nowhere = await meshproof(['edges', '--lab', labName, '--namespace', 'kube-system']);
    expect(nowhere.exitCode, nowhere.all).to.equal(2);
    expect(nowhere.stderr).to.contain('No pod of the namespace kube-system is in the mesh');
  });

  it('a tcpdump that dies: nothing is concluded from what it captured', async () => {
    const child = startMeshproof(['run', '--lab', labName, '--reports', folder, 'mtls-everywhere']);
    await untilSaid(child, /✓ mtls-everywhere: control/);
    const [victim] = await pollUntil<number[]>(
      async () => {
        const found = tcpdumpsWriting('/meshproof-captures/');
        return found.length > 0 ? { ready: found } : { pending: 'no capture yet' };
      },
      { what: 'the captures', timeoutMs: 60_000, intervalMs: 50 },
    );
    process.kill(victim!, 'SIGKILL');
    const result = await child;
    expect(result.exitCode, result.stdout).to.equal(4);
    expect(lastLineOf(result.stdout)).to.match(/^inconclusive: .*tcpdump ended by itself \(SIGKILL\)/);
    const report = readRunReport(folder);
    expect(idsWith(report, 'fail')).to.deep.equal([]);
    for (const id of idsWith(report, 'invalid')) expect(id).to.match(/^mtls-everywhere\/.*--.*\.(client|server)$/);
  });

  it('Ctrl-C with a fault in force: the fault and the policies are taken back, the lab stays', async () => {
    const child = startMeshproof([
      'run',
      '--lab',
      labName,
      '--reports',
      folder,
      broken.scenarioWith('retries-recover-errors'),
    ]);
    await untilSaid(child, /✓ fault http-abort at trips/);
    child.kill('SIGINT');
    const result = await child;
    expect(result.exitCode, result.stdout).to.equal(130);
    const report = readRunReport(folder);
    const cleanup = report.assertions.find(({ id }) => id === 'run/cleanup');
    expect(cleanup, result.stdout).to.include({ status: 'pass' });
    expect(await armedRecords(join(lab.stateDir, 'journal.ndjson'))).to.deep.equal([]);
    expect(await faultResidue({ kube: lab.kube, pods: await lab.app.pods('trips') })).to.deep.equal([]);
    const { red, cli } = await broken.run('no-code-change');
    expect(red, cli.all).to.deep.equal([]);
    expect(cli.exitCode, cli.all).to.equal(0);
  });

  policiesAbsent(broken);

  it('mTLS off for one service: only its edges are red, and it is named', async () => {
    const objects = await broken.manifestsOf('userprofile');
    for (const { kind, spec } of objects) {
      if (kind === 'Deployment') spec.template.metadata.annotations = { 'meshproof.dev/no-virtual-address': 'true' };
    }
    const applied = await lab.mesh.apply([{ kind: 'mtls', service: 'userprofile', mode: 'permissive' }]);
    await broken.apply(objects);
    const { cli, red } = await broken.run('mtls-everywhere');
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red, cli.all).not.to.be.empty;
    for (const id of red) expect(id).to.match(/--userprofile\.(client|server)$/);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: .*-> userprofile.*plaintext/);
    await applied.undo();
    await broken.apply(await broken.manifestsOf('userprofile'));
  });

  it('a replica without a sidecar: it is found by name, and only that is red', async () => {
    const pod = await broken.podLike('trips', 'trips-without-sidecar');
    await lab.kube.apply([pod]);
    const { cli, red } = await broken.run('mtls-everywhere');
    expect(red, cli.all).to.deep.equal(['mtls-everywhere/sidecars']);
    expect(cli.exitCode).to.equal(1);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: .*trips-without-sidecar/);
    const health = await meshproof(['check', '--proxy', '--lab', labName]);
    expect(health.exitCode, health.all).to.equal(1);
    expect(health.stdout).to.match(/^× trips-without-sidecar \(trips\): no-sidecar: /m);
    expect((await meshproof(['check', '--lab', labName])).exitCode).to.equal(1);
    const [stat] = (await rowsOf<StatRow>('stat', '--window', '1s')).filter(({ id }) => id === 'trips');
    expect(stat).to.include({ meshedPods: 2, pods: 3 });
    await lab.kube.delete(await lab.kube.pathOf(pod), { gracePeriodSeconds: 0 });
  });

  it('replicas whose calls go past their proxies: each edge is named with the cause, and nothing waits in vain', async () => {
    const [viewer] = await lab.app.pods('tripviewer');
    const [profile] = await lab.app.pods('userprofile');
    const image = lab.images['fault-point']!.ref;
    // Interception gone altogether in the one, one port let past in the other; old connections are cut, or they would go on.
    await lookIntoPod(lab.kube, viewer!, { image, script: 'iptables -t nat -F OUTPUT; ss -K -t dport = :80' });
    const letPast = 'iptables -t nat -I OUTPUT -p tcp --dport 5432 -j RETURN';
    await lookIntoPod(lab.kube, profile!, { image, script: `${letPast}; ss -K -t dport = :5432` });
    const { cli } = await broken.run('mtls-everywhere');
    expect(cli.exitCode, cli.all).to.equal(1);
    const said = readRunReport(folder)
      .assertions.filter(({ status }) => status === 'fail')
      .map(({ observed }) => observed)
      .join('\n');
    for (const edge of ['tripviewer -> trips', 'tripviewer -> userprofile', 'userprofile -> postgres'])
      expect(said, cli.all).to.contain(edge);
    expect(said).to.contain('past the proxy (plaintext)').and.to.contain('--dport 5432');
    for (const pod of [viewer!, profile!])
      await lab.kube.delete(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`);
    await lab.app.answering({ timeoutMs: 120_000, signal });
  });

  it('PostgreSQL outside the mesh: its edges are red, and it is named', async () => {
    const objects = await broken.manifestsOf('postgres');
    for (const { kind, spec } of objects) {
      if (kind === 'Deployment') spec.template.metadata.labels['meshproof.dev/mesh'] = 'false';
    }
    await broken.apply(objects, { inject: false });
    const { cli, red } = await broken.run('mtls-everywhere');
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red, cli.all).not.to.be.empty;
    for (const id of red) expect(id).to.match(/--postgres\.(client|server)$|\/sidecars$/);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: .*-> postgres.*plaintext/);
    const edges = (await rowsOf<EdgeRow>('edges')).filter(({ destination }) => destination === 'postgres');
    expect(edges.map(({ id }) => id)).to.include('trips->postgres');
    for (const edge of edges) expect(edge).to.include({ secured: false });
  });
});

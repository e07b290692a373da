import { z } from 'zod';
import type { AppEdge, RunningApp } from '../apps/app.ts';
import { evidencePath } from '../evidence/store.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { Assertion } from '../judge/assertion.ts';
import { readWire } from '../judge/rules/wire-rules.ts';
import { restartClientSidecars } from '../lab/app-pods.ts';
import { runAppCommand } from '../lab/app-command.ts';
import { clientName } from '../lab/client.ts';
import type { Lab } from '../lab/lab.ts';
import type { WireProof } from '../observe/capture/wire.ts';
import type { ArmName, ArmResult, ArmSpec, CapturedEdges, Side } from './arm.ts';
import type { RunContext } from './context.ts';
import { bothArms, defineClaim, type Experiment, type ScenarioBase, type Trial } from './define-claim.ts';
import type { Check } from './judging.ts';
import { probeNames, probeResults } from './probes.ts';
import { tokenTargets } from './targets.ts';

const load = z.strictObject({
  rps: z.number().positive().max(1000).default(20),
  seconds: z.number().positive().default(6),
});

const wire: Experiment = {
  name: 'wire',
  title: 'Packets of every edge at both ends; the control is an unmeshed pair with the same token',
  fields: () => ({ load }),
};

interface Scenario extends ScenarioBase {
  load: z.output<typeof load>;
}

interface Seen {
  sidecars: EvidencePath;
  identities: EvidencePath;
  probes: EvidencePath;
  probed: string;
}

const sides: readonly Side[] = ['client', 'server'];

/**
 * Captures every edge at both ends. The control is an unmeshed pair, HTTP and a database, with the same token in the same
 * kind of requests: its capture must show the token, or the method is blind. Then the meshed edges: not one byte of
 * plaintext, and both identities read from the handshake.
 */
export const mutualTls = defineClaim<Scenario, Seen>({
  kind: 'mutual-tls',
  title: 'Every edge is mutual TLS, with both identities',
  experiment: wire,
  requires: { twin: true, captures: true },
  async arms(trial, context) {
    const { lab, evidence } = context;
    const { scenario } = trial;
    const path = (file: string): EvidencePath => evidencePath(trial.id, 'treatment', file);
    // Found before any load starts, by name: a pod that should be meshed and is not.
    const sidecars = await evidence.json(path('sidecars.json'), await lab.mesh.sidecarProblems([lab.app.namespace]));
    const identities = await evidence.json(path('identities.json'), await identitiesIn(lab));
    const twin = await lab.twin(context);
    const probed = probedService(lab.app);
    const probes = await evidence.json(path('probes.json'), await probeResults(context, { twin, service: probed }));
    const arm = (name: ArmName, app: RunningApp, edges: readonly AppEdge[]): ArmSpec => ({
      scenario: trial.id,
      name,
      app,
      policies: [],
      load: {
        targets: tokenTargets(
          app,
          app.app.services.filter(({ name: service }) =>
            edges.some(({ source, destination }) => source === clientName && destination === service),
          ),
        ),
        rps: scenario.load.rps,
        clients: 1,
        maxVUs: 60,
        requestTimeoutMs: 10_000,
        token: context.token,
      },
      baselineMs: scenario.load.seconds * 1000,
      recoveryMs: 0,
      timeline: [],
      watch: [],
      captures: { edges, fresh: () => freshConnections(app, context) },
    });
    return {
      control: arm('control', twin, controlEdges(lab.app)),
      treatment: arm('treatment', lab.app, lab.edges),
      seen: { sidecars, identities, probes, probed },
    };
  },
  async judge({ trial, context, judging, seen, arms }) {
    const { lab } = context;
    const { control, treatment } = bothArms({ arms });
    const plainly = judging.on({ prefix: `${trial.id}/control`, arm: 'control' });
    const tokenSeen: Assertion[] = [];
    const controlCaptures = capturesOf(control);
    for (const { edge, side } of ends(edgesOf(control))) {
      tokenSeen.push(
        await plainly(
          `${edge.source}--${edge.destination}.${side}`,
          `Without the mesh the token is readable between ${edge.source} and ${edge.destination} (${side} side)`,
          'planted-token-seen',
          { captures: controlCaptures.captures, pcap: controlCaptures.pcap(edge, side) },
          'A capture that cannot see the token where it is in plaintext is blind: nothing it says counts.',
        ),
      );
    }
    const names = probeNames(seen.probed);
    const probeWorks = await plainly('probe', 'The unmeshed client reaches an unmeshed service', 'answered-probe', {
      path: seen.probes,
      probe: names.unmeshed,
    });
    const delivered = await wasDelivered(
      trial,
      treatment,
      judging.on({
        prefix: `${trial.id}/treatment`,
        arm: 'treatment',
        // Not `validity`: plaintext that was seen is a failure, however little was sent.
        role: 'control',
      }),
    );
    const encrypted = judging.on({ prefix: trial.id, arm: 'treatment', given: [...tokenSeen, delivered] });
    const captured = capturesOf(treatment);
    for (const { edge, side } of ends(edgesOf(treatment))) {
      const pcap = captured.pcap(edge, side);
      await encrypted(
        `${edge.source}--${edge.destination}.${side}`,
        `${edge.source} -> ${edge.destination} is mutual TLS (${side} side)`,
        'wire-edge',
        {
          captures: captured.captures,
          pcap,
          expect: await lab.mesh.wireExpectation(edge.source, edge.destination),
          ...(captured.witnesses !== undefined && { witnesses: captured.witnesses }),
        },
        `Open the capture: \`tcpdump -nn -A -r ${pcap} | head\`.`,
      );
    }
    const refused = judging.on({ prefix: trial.id, arm: 'treatment', given: [probeWorks] });
    for (const [probe, title] of [
      [names.plaintext, 'An unmeshed client in plaintext is refused'],
      [names.noCertificate, 'A client without a certificate is refused'],
    ] as const) {
      await refused(probe.replaceAll(/[^a-z]+/g, '-'), title, 'refused-probe', { path: seen.probes, probe });
    }
    await judging.on({ prefix: trial.id, arm: 'treatment' })(
      'sidecars',
      `Every pod of ${lab.app.app.title} has a sidecar that is connected`,
      'list-empty',
      { path: seen.sidecars },
      'A pod without a sidecar talks plaintext: check its injection, then recreate it.',
    );
    await judging.on({ prefix: trial.id, arm: 'treatment' })(
      'identities',
      'Each service has an identity of its own',
      'list-empty',
      { path: seen.identities, pointer: '/shared' },
      'Who holds a shared identity can pass for each of them: give every workload a service account of its own.',
    );
    for (const arm of [control, treatment]) arm.report = { ...arm.report, wire: await proofs(arm, context) };
  },
});

/** Whose each service's identity is; `shared` names those that several have. */
async function identitiesIn({ app, mesh }: Lab): Promise<{ services: Record<string, string>; shared: string[] }> {
  const names = app.app.services.map(({ name }) => name);
  const services = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await mesh.identityOf(name)] as const)),
  );
  const shared = [...new Set(Object.values(services))].flatMap((identity) => {
    const holders = names.filter((name) => services[name] === identity);
    return holders.length < 2 ? [] : [`${holders.join(' and ')} are both ${identity}`];
  });
  return { services, shared };
}

async function wasDelivered(trial: Trial<Scenario>, arm: ArmResult, check: Check): Promise<Assertion> {
  const { rps, seconds } = trial.scenario.load;
  return check(
    'load',
    'The load that carries the token was delivered',
    'load-sufficient',
    { load: arm.load, facts: arm.loadFacts, minRequests: Math.floor(rps * seconds * 0.9) },
    'Nothing is proven by a wire on which nothing was sent.',
  );
}

/** One HTTP service that passes the token on to a TCP one (a database), where there is one; else any that answers. */
function controlEdges({ app }: RunningApp): AppEdge[] {
  const isTcp = (name: string): boolean =>
    app.services.some((service) => service.name === name && service.protocol === 'tcp');
  const passing = app.services.find(
    ({ call, plant, calls }) => call && plant.length > 0 && calls.some(({ service }) => isTcp(service)),
  );
  const asked = passing ?? app.services.find(({ call }) => call !== undefined);
  if (asked === undefined) return [];
  return [
    { source: clientName, destination: asked.name },
    ...(passing?.calls ?? [])
      .filter(({ service }) => isTcp(service))
      .map(({ service }) => ({ source: asked.name, destination: service })),
  ];
}

/** The service that must refuse strangers. */
function probedService({ app }: RunningApp): string {
  const service = app.services.find(({ call, protocol }) => call !== undefined && protocol === 'http');
  return service?.name ?? app.services[0]?.name ?? '';
}

/** Connections that the running captures see from their start, with their handshakes. */
async function freshConnections(app: RunningApp, { lab, signal }: RunContext): Promise<void> {
  if (app.meshed) await restartClientSidecars(lab, signal);
  else if (app.app.reconnect !== undefined) await runAppCommand(lab.kube, app, app.app.reconnect);
}

function edgesOf(arm: ArmResult): readonly AppEdge[] {
  return arm.spec.captures?.edges ?? [];
}

function capturesOf(arm: ArmResult): CapturedEdges {
  if (arm.captures === undefined) throw new TypeError('this arm captured nothing');
  return arm.captures;
}

function ends(edges: readonly AppEdge[]): { edge: AppEdge; side: Side }[] {
  return edges.flatMap((edge) => sides.map((side) => ({ edge, side })));
}

async function proofs(arm: ArmResult, context: RunContext): Promise<WireProof[]> {
  const found: WireProof[] = [];
  const captured = capturesOf(arm);
  for (const { edge, side } of ends(edgesOf(arm))) {
    const read = await readWire(
      { captures: captured.captures, pcap: captured.pcap(edge, side) },
      context.evidence.reader,
    );
    if ('proof' in read) found.push(read.proof);
  }
  return found;
}

import type { Assertion } from '../judge/assertion.ts';
import { readWire } from '../judge/rules/wire-rules.ts';
import type { WireProof } from '../observe/capture/wire.ts';
import type { WireScenario } from '../scenario/schema.ts';
import type { PhaseReport } from '../report/model.ts';
import type { RunArm } from '../judge/verdict/judge-arm.ts';
import type { ExperimentResult, RunContext } from '../run/context.ts';
import { loadFacts } from '../run/figures.ts';
import { captureEdges, type CapturedEdges } from '../run/capture-edges.ts';
import type { Edge } from '../run/edge.ts';
import { evidencePath } from '../evidence/store.ts';
import { prepareLoad } from '../load/prepare-load.ts';
import { figuresOf, seriesOf } from '../run/figures.ts';
import { Judging, type Check } from '../run/judging.ts';
import { canaryTargets } from '../run/lab-load.ts';
import { reconnectClients } from '../run/plain-database.ts';
import { probeResults } from '../run/probes.ts';

/**
 * Captures every edge at both ends. The control is an unmeshed pair, HTTP and PostgreSQL, with the same canary in the same
 * kind of requests: its capture must show the canary, or the method is blind. Then the meshed edges: not one byte of
 * plaintext, and both identities read from the handshake.
 */
export async function runWire(scenario: WireScenario, context: RunContext): Promise<ExperimentResult> {
  const { lab, evidence } = context;
  const judging = new Judging(evidence.reader);
  // Found before any load starts, by name: a pod that should be meshed and is not.
  const sidecars = await evidence.json(
    evidencePath(scenario.id, 'treatment', 'sidecars.json'),
    await lab.mesh.sidecarProblems([lab.namespaces.meshed]),
  );
  const control = await controlArm(scenario, context);
  const plainly = judging.on({ prefix: `${scenario.id}/control`, arm: 'control' });
  const seen: Assertion[] = [];
  for (const edge of control.edges) {
    for (const side of sides) {
      seen.push(
        await plainly(
          `${edge.source}--${edge.destination}.${side}`,
          `Without the mesh the canary is readable between ${edge.source} and ${edge.destination} (${side} side)`,
          'canary-seen',
          { captures: control.captured.captures, pcap: control.captured.pcap(edge, side) },
          'A capture that cannot see the canary where it is in plaintext is blind: nothing it says counts.',
        ),
      );
    }
  }
  const probes = await evidence.json(
    evidencePath(scenario.id, 'treatment', 'probes.json'),
    await probeResults(context),
  );
  const probeWorks = await plainly('probe', 'The unmeshed client reaches an unmeshed service', 'answered-probe', {
    path: probes,
    probe: 'unmeshed client -> unmeshed trips',
  });

  const treatment = await treatmentArm(scenario, context);
  // Not `validity`: plaintext that was seen is a failure, however little was sent.
  const sent = judging.on({ prefix: `${scenario.id}/treatment`, arm: 'treatment', role: 'control' });
  const delivered = await sent(
    'load',
    'The load that carries the canary was delivered',
    'load-sufficient',
    {
      load: evidencePath(scenario.id, 'treatment', 'load.ndjson.gz'),
      facts: evidencePath(scenario.id, 'treatment', 'load.json'),
      minRequests: Math.floor(scenario.load.rps * scenario.load.seconds * 0.9),
    },
    'Nothing is proven by a wire on which nothing was sent.',
  );
  const claims = (given: Assertion[]): Check => judging.on({ prefix: scenario.id, arm: 'treatment', given });
  const encrypted = claims([...seen, delivered]);
  for (const edge of treatment.edges) {
    const expect = await lab.mesh.wireExpectation(edge.source, edge.destination);
    for (const side of sides) {
      const pcap = treatment.captured.pcap(edge, side);
      await encrypted(
        `${edge.source}--${edge.destination}.${side}`,
        `${edge.source} -> ${edge.destination} is mutual TLS (${side} side)`,
        'wire-edge',
        { captures: treatment.captured.captures, pcap, expect },
        `Open the capture: \`tcpdump -nn -A -r ${pcap} | head\`.`,
      );
    }
  }
  const refused = claims([probeWorks]);
  for (const [probe, title] of [
    ['unmeshed client -> trips', 'An unmeshed client in plaintext is refused'],
    ['client without certificate -> trips', 'A client without a certificate is refused'],
  ] as const) {
    await refused(probe.replaceAll(/[^a-z]+/g, '-'), title, 'refused-probe', { path: probes, probe });
  }
  await judging.on({ prefix: scenario.id, arm: 'treatment' })(
    'sidecars',
    'Every pod has a sidecar that is connected',
    'list-empty',
    { path: sidecars },
    'A pod without a sidecar talks plaintext: check its injection, then recreate it.',
  );

  const arms: RunArm[] = [];
  for (const { name, edges, captured, phase } of [control, treatment]) {
    arms.push({ name, phases: [phase], faults: [], wire: await proofs(edges, captured, context) });
  }
  return { arms, assertions: judging.assertions, signals: [] };
}

const sides = ['client', 'server'] as const;

interface WireArm {
  name: 'control' | 'treatment';
  edges: Edge[];
  captured: CapturedEdges;
  phase: PhaseReport;
}

/** An unmeshed client, an unmeshed service and an unmeshed PostgreSQL without TLS. */
async function controlArm(scenario: WireScenario, context: RunContext): Promise<WireArm> {
  const { lab } = context;
  await lab.ensurePlain(context);
  const edges: Edge[] = [
    { source: lab.client, destination: 'userprofile' },
    { source: 'userprofile', destination: 'postgres' },
  ];
  return arm(scenario, 'control', edges, ['userprofile'], context);
}

async function treatmentArm(scenario: WireScenario, context: RunContext): Promise<WireArm> {
  const { lab } = context;
  return arm(scenario, 'treatment', lab.edges, lab.httpServices, context);
}

async function arm(
  scenario: WireScenario,
  name: 'control' | 'treatment',
  edges: Edge[],
  services: readonly string[],
  context: RunContext,
): Promise<WireArm> {
  const { lab, progress, evidence } = context;
  const meshed = name === 'treatment';
  const namespace = meshed ? lab.namespaces.meshed : lab.namespaces.plain;
  return progress.step(`${scenario.id}: ${name}`, async (detail) => {
    detail('load client');
    await using load = await prepareLoad(
      {
        client: lab.client,
        namespace,
        targets: canaryTargets(
          services.map((service) => lab.serviceNamed(service)),
          namespace,
        ),
        rps: scenario.load.rps,
        durationMs: scenario.load.seconds * 1000,
        maxVUs: 60,
        requestTimeoutMs: 10_000,
        canary: context.canary,
      },
      lab.loadContext(context, { meshed }),
    );
    detail('captures');
    await using captures = await captureEdges(
      { scenario: scenario.id, arm: name, edges, namespace, clients: load.pods },
      context,
    );
    if (meshed) {
      detail('fresh handshakes: restarting the sidecars of every client');
      await lab.restartClientSidecars(context);
    } else {
      await reconnectClients(lab, namespace);
    }
    const judgedFromMs = context.clock.now();
    detail(`load for ${scenario.load.seconds} s`);
    const running = await load.start();
    const result = await running.finish();
    const captured = await captures.finish(judgedFromMs);
    await evidence.ndjson(evidencePath(scenario.id, name, 'load.ndjson.gz'), result.samples);
    await evidence.json(evidencePath(scenario.id, name, 'load.json'), loadFacts(result));
    await evidence.text(evidencePath(scenario.id, name, 'k6.txt'), result.summary);
    const window = { fromMs: running.startedAt, toMs: running.startedAt + scenario.load.seconds * 1000 };
    const phase: PhaseReport = {
      name: 'baseline',
      startedAt: new Date(window.fromMs).toISOString(),
      endedAt: new Date(window.toMs).toISOString(),
      load: figuresOf(result, window),
      series: seriesOf(result, window, running.startedAt),
    };
    return { name, edges, captured, phase };
  });
}

async function proofs(edges: readonly Edge[], captured: CapturedEdges, context: RunContext): Promise<WireProof[]> {
  const found: WireProof[] = [];
  for (const edge of edges) {
    for (const side of sides) {
      const read = await readWire(
        { captures: captured.captures, pcap: captured.pcap(edge, side) },
        context.evidence.reader,
      );
      if ('proof' in read) found.push(read.proof);
    }
  }
  return found;
}

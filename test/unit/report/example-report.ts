import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CapabilityCell } from '../../../src/capabilities/cell.ts';
import { capabilitiesOfRun } from '../../../src/capabilities/of-run.ts';
import type { Tried } from '../../../src/capabilities/proof.ts';
import type { Assertion } from '../../../src/judge/assertion.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { signalTable, type SignalSources } from '../../../src/judge/signal-table.ts';
import { judge, skipped, type About, type RuleInputs, type RuleName } from '../../../src/judge/recompute.ts';
import { readWire, type CaptureRecord } from '../../../src/judge/rules/wire-rules.ts';
import type { LoadSample } from '../../../src/load/load.ts';
import type { GoldenSignals } from '../../../src/observe/telemetry/golden.ts';
import type { WireProof } from '../../../src/observe/capture/wire.ts';
import type { HealthSnapshot } from '../../../src/observe/health/health.ts';
import { writeEvidence, writeEvidenceLines } from '../../../src/evidence/files.ts';
import type { RunReport, ScenarioReport } from '../../../src/report/model.ts';
import { criteria, type CriterionDefinition } from '../../../src/judge/verdict/criteria.ts';
import { judgeArm, type RunArm } from '../../../src/judge/verdict/judge-arm.ts';
import { scenarioStatus } from '../../../src/judge/verdict/status-of.ts';
import { verdict } from '../../../src/judge/verdict/verdict.ts';
import { httpServices, snapshotsAt } from './example-proxies.ts';
import { receiptsOf, simulateArm, type ArmPlan } from './simulate.ts';

/** failing: plaintext on an edge, and retries absent. inconclusive: the control arm's fault did not bite. */
export const variants = ['healthy', 'failing', 'inconclusive', 'interrupted', 'error', 'empty'] as const;
export type Variant = (typeof variants)[number];

const begin = Date.parse('2026-03-14T09:26:53.000Z');
const captures = fileURLToPath(new URL('../../../fixtures/captures/', import.meta.url));
const trust = 'spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc';

const definitions: CriterionDefinition[] = [
  { id: 'mtls', title: 'Every call is mutual TLS', words: { control: 'Outside the mesh', treatment: 'In the mesh' } },
  {
    id: 'retries',
    title: 'Callers do not see transient errors, because the mesh retries them',
    words: { control: 'With retries switched off', treatment: 'With 4 retries' },
  },
  {
    id: 'timeouts',
    title: 'A slow service does not make its callers slow',
    words: { control: 'Without a timeout', treatment: 'With a timeout of 1 s' },
  },
  {
    id: 'golden-signals',
    title: 'The golden signals of every service are visible and good',
    words: { control: 'With a fault on', treatment: 'In calm' },
  },
];

/** What the scenarios of the example try, as their files say it. */
const tried: Record<string, Omit<Tried, 'scenario'>> = {
  'mtls-everywhere': { claim: 'mutual-tls', policies: [], route: false },
  'retries-recover-errors': { claim: 'recovers-errors', policies: ['retry'], route: false },
  'timeouts-bound-latency': { claim: 'bounds-latency', policies: ['timeout'], route: false },
  'golden-signals': { claim: 'golden-signals', policies: [], route: false },
};

/** A few of the rows, in words of the example's own, so that the registry may grow. */
const cells: CapabilityCell[] = [
  {
    ...{ id: 'resiliency/retries-by-status', group: 'Resiliency', capability: 'Retries by status', mesh: 'consul' },
    ...{ status: 'proven', scenario: 'retries-recover-errors' },
    proof: { claim: 'recovers-errors', policy: 'retry' },
  },
  {
    ...{ id: 'resiliency/own-timeout', group: 'Resiliency', capability: 'Timeout of a route', mesh: 'consul' },
    ...{ status: 'proven', scenario: 'timeouts-bound-latency', reason: 'where the app file names routes' },
    proof: { claim: 'bounds-latency', policy: 'timeout', route: true },
  },
  {
    ...{ id: 'resiliency/mirroring', group: 'Resiliency', capability: 'Mirroring', mesh: 'consul' },
    ...{ status: 'unsupported', reason: 'no config entry has a field for it', source: 'https://example.invalid/docs' },
  },
  {
    ...{ id: 'security/mtls-everywhere', group: 'Security', capability: 'Mutual TLS on every edge', mesh: 'consul' },
    ...{ status: 'proven', scenario: 'mtls-everywhere', proof: { claim: 'mutual-tls' } },
  },
  {
    ...{ id: 'security/jwt', group: 'Security', capability: 'JWT', mesh: 'consul' },
    ...{ status: 'supported', reason: 'jwt-provider; not proven: no claim is about it yet' },
  },
];

/** Writes the evidence of a small run below `dir` and judges it as a run does: nothing of the report is made up after that. */
export async function exampleReport(dir: string, variant: Variant): Promise<RunReport> {
  const example = new Example(dir, variant);
  const scenarios: ScenarioReport[] = [];
  if (variant !== 'empty') scenarios.push(await example.mtls());
  if (variant !== 'empty' && variant !== 'error') scenarios.push(await example.retries());
  if (variant === 'healthy' || variant === 'failing' || variant === 'inconclusive') {
    scenarios.push(await example.timeouts(), await example.goldenSignals());
  }
  const judged = {
    criteria: criteria(scenarios, definitions),
    scenarios,
    assertions: variant === 'empty' ? [] : await example.runAssertions(),
    health: variant === 'empty' ? {} : { before: health(begin), after: health(begin + 240_000) },
    errors: errorsOf(variant),
  };
  return {
    schemaVersion: 1,
    tool: { version: '0.1.0', commit: '35daaf2' },
    runId: `2026-03-14-092653-${variant}`,
    seed: 42,
    startedAt: new Date(begin).toISOString(),
    durationMs: 263_412,
    command: ['meshproof', 'run', 'success-criteria'],
    host: {
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.18.0',
      cpus: 2,
      memoryBytes: 25_769_803_776,
      mechanisms: {
        'cluster.embedded': 'usable: Linux, root, cgroup v1',
        'cluster.kind': 'not usable: no Docker engine answers',
        'fault.http': 'envoy behind the sidecar, iptables OUTPUT redirect',
      },
    },
    ...(variant !== 'empty' && {
      cluster: {
        provider: 'embedded',
        kubernetesVersion: 'v1.34.4',
        nodes: [{ name: 'meshproof', kubeletVersion: 'v1.34.4' }],
      },
      mesh: {
        name: 'consul',
        version: '1.22.7',
        components: [
          { name: 'consul-server', version: '1.22.7', role: 'control-plane', ready: true },
          { name: 'envoy', version: '1.40.0', role: 'data-plane', ready: true },
        ],
        caveats: ['Consul 1.22 and Envoy 1.40 are not a pair their makers support (-ignore-envoy-compatibility).'],
      },
    }),
    verdict: verdict({ ...judged, interrupted: variant === 'interrupted' }),
    ...judged,
    signals: example.signals,
    ...(variant !== 'empty' && { capabilities: capabilitiesOfRun(cells, { scenarios, signals: example.signals }) }),
    timings:
      variant === 'empty'
        ? []
        : [
            { step: 'node Ready', ms: 3_120 },
            { step: 'mesh ready', ms: 9_870 },
            { step: 'TripInsights answers through the mesh', ms: 14_200 },
            { step: 'scenario mtls-everywhere', ms: 41_000 },
            { step: 'scenario retries-recover-errors', ms: 78_300 },
            { step: 'lab deleted', ms: 640 },
          ],
    evidence: [],
  };
}

function errorsOf(variant: Variant): RunReport['errors'] {
  if (variant === 'interrupted') {
    return [
      {
        code: 'MESHPROOF_INTERRUPTED',
        message: 'interrupted by SIGINT during retries-recover-errors',
        hint: 'The lab was deleted; run again to finish.',
        scenario: 'retries-recover-errors',
      },
    ];
  }
  if (variant === 'error') {
    return [
      {
        code: 'MESHPROOF_POD_CRASHED',
        message: 'pod trips-7d9f8-w8q4z crashed: exit code 137 <OOMKilled> & restarted',
        hint: 'Give it more memory, see evidence/logs.',
        scenario: 'retries-recover-errors',
      },
    ];
  }
  return [];
}

class Example {
  readonly dir: string;
  readonly variant: Variant;
  readonly signals: GoldenSignals[] = [];

  constructor(dir: string, variant: Variant) {
    this.dir = dir;
    this.variant = variant;
  }

  private judge<Name extends RuleName>(rule: Name, inputs: RuleInputs[Name], about: About): Promise<Assertion> {
    return judge(rule, inputs, about, directoryReader(this.dir));
  }

  private async capture(
    scenario: string,
    arm: string,
    name: string,
    record: Omit<CaptureRecord, 'pcap' | 'kernelDrops' | 'problems'>,
  ) {
    const { source, destination, side } = record.edge;
    const folder = `evidence/${scenario}/${arm}`;
    const pcap = `${folder}/${source}--${destination}.${side}.pcap`;
    await mkdir(dirname(join(this.dir, pcap)), { recursive: true });
    await copyFile(join(captures, `${name}.pcap`), join(this.dir, pcap));
    return { pcap, kernelDrops: 0, problems: [], ...record };
  }

  async mtls(): Promise<ScenarioReport> {
    const id = 'mtls-everywhere';
    const plantedTokens = ['planted-f3a9c51e2'];
    const ips = { sourceIps: ['10.9.0.1'], destinationIps: ['10.9.0.2'] };
    const plain = await this.capture(id, 'control', 'http-planted-token', {
      edge: { source: 'plain-client', destination: 'plain-trips', side: 'server', ...ips },
      plantedTokens,
    });
    const meshed = await this.capture(
      id,
      'treatment',
      this.variant === 'failing' ? 'tls12-then-plaintext' : 'tls12-mutual',
      { edge: { source: 'tripviewer', destination: 'trips', side: 'server', ...ips }, plantedTokens },
    );
    const files = {
      control: await writeEvidence(this.dir, `evidence/${id}/control/captures.json`, [plain]),
      treatment: await writeEvidence(this.dir, `evidence/${id}/treatment/captures.json`, [meshed]),
    };
    const probes = await writeEvidence(this.dir, `evidence/${id}/treatment/probes.json`, [
      { probe: 'unmeshed client -> trips', outcome: 'reset', detail: 'ECONNRESET after 3 ms, no byte received' },
    ]);
    const control = await this.judge(
      'planted-token-seen',
      { captures: files.control, pcap: plain.pcap },
      { id: `${id}/control-planted-token`, title: 'the capture would see plaintext', arm: 'control' },
    );
    const assertions = [
      control,
      await this.judge(
        'wire-edge',
        {
          captures: files.treatment,
          pcap: meshed.pcap,
          expect: {
            port: 20000,
            minTlsVersion: '1.2',
            identitiesOnWire: true,
            clientIdentity: `${trust}/tripviewer`,
            serverIdentity: `${trust}/trips`,
          },
        },
        {
          id: `${id}/tripviewer--trips.server`,
          title: 'tripviewer -> trips is mutual TLS',
          arm: 'treatment',
          given: [control],
          hint: 'Look for a pod without a sidecar, or a permissive mutualTLSMode on trips.',
        },
      ),
      await this.judge(
        'refused-probe',
        { path: probes, probe: 'unmeshed client -> trips' },
        {
          id: `${id}/unmeshed-refused`,
          title: 'a client outside the mesh is refused',
          arm: 'treatment',
          given: [control],
        },
      ),
    ];
    const reader = directoryReader(this.dir);
    const wire = async (arm: 'control' | 'treatment', pcap: string): Promise<WireProof[]> => {
      const read = await readWire({ captures: files[arm], pcap }, reader);
      return 'proof' in read ? [read.proof] : [];
    };
    return scenario(id, 'Every edge of TripInsights is mutual TLS', 'mtls', assertions, [
      {
        name: 'control',
        phases: [],
        faults: [],
        wire: await wire('control', plain.pcap),
      },
      {
        name: 'treatment',
        phases: [],
        faults: [],
        wire: await wire('treatment', meshed.pcap),
      },
    ]);
  }

  /** Load, ledger and receipts of one arm, on disk and as the report shows them. */
  private async arm(scenario: string, name: 'control' | 'treatment', plan: ArmPlan) {
    const simulated = simulateArm(plan);
    const folder = `evidence/${scenario}/${name}`;
    const receiptList = receiptsOf(plan, simulated);
    const load = await writeEvidenceLines(this.dir, `${folder}/load.ndjson`, simulated.samples);
    const facts = await writeEvidence(this.dir, `${folder}/load.json`, {
      exitCode: 0,
      droppedIterations: 0,
      problems: [],
    });
    const ledger = await writeEvidenceLines(this.dir, `${folder}/ledger.ndjson`, simulated.ledger);
    const receipts = await writeEvidence(this.dir, `${folder}/receipts.json`, receiptList);
    const { windows, phases } = simulated;
    const report: RunArm = { name, phases, faults: receiptList, wire: [] };
    return {
      load: { load, window: windows.fault },
      ledger: { ledger, window: windows.fault },
      facts,
      receipts,
      report,
    };
  }

  async retries(): Promise<ScenarioReport> {
    const id = 'retries-recover-errors';
    const plan = (seed: number, retries: number, share: number, fault: number): ArmPlan => ({
      seed,
      startedAt: begin + seed * 10_000,
      rps: 40,
      seconds: { baseline: 5, fault, recovery: 5 },
      target: 'trips',
      fault: { kind: 'abort', share, retries },
    });
    // Inconclusive: the fault of the control arm hit nothing, so that no error could reach the caller.
    const control = await this.arm(id, 'control', plan(5, 0, this.variant === 'inconclusive' ? 0 : 0.3, 12));
    const treatment = await this.arm(id, 'treatment', plan(9, this.variant === 'failing' ? 0 : 4, 0.3, 30));
    const validity = [
      await this.judge(
        'load-sufficient',
        { ...control.load, facts: control.facts, minRequests: 400 },
        { id: `${id}/control-load`, title: 'the control was loaded', arm: 'control', role: 'validity' },
      ),
      await this.judge(
        'fault-share',
        { ...control.ledger, injected: 'abort', asked: 0.3 },
        { id: `${id}/control-fault`, title: 'the fault bit in the control', arm: 'control', role: 'validity' },
      ),
      await this.judge(
        'load-sufficient',
        { ...treatment.load, facts: treatment.facts, minRequests: 1000 },
        { id: `${id}/treatment-load`, title: 'the treatment was loaded', arm: 'treatment', role: 'validity' },
      ),
      await this.judge(
        'fault-share',
        { ...treatment.ledger, injected: 'abort', asked: 0.3 },
        { id: `${id}/treatment-fault`, title: 'the fault bit in the treatment', arm: 'treatment', role: 'validity' },
      ),
    ];
    const controls = [
      await this.judge(
        'success-rate-below',
        { ...control.load, share: 0.9 },
        {
          id: `${id}/control-errors`,
          title: 'without retries the errors reach the caller',
          arm: 'control',
          given: validity.slice(0, 2),
        },
      ),
      await this.judge('attempts-equal-requests', control.ledger, {
        id: `${id}/control-attempts`,
        title: 'nothing is retried by default',
        arm: 'control',
      }),
    ];
    const given = [...validity, ...controls];
    const about = (what: string, title: string): About => ({
      id: `${id}/${what}`,
      title,
      arm: 'treatment',
      given,
      hint: 'Check that the retry policy of trips is in force: see policies.yaml in the evidence.',
    });
    const claims = [
      await this.judge(
        'success-rate-at-least',
        { ...treatment.load, share: 0.99 },
        about('success', 'callers see at least 99 % success'),
      ),
      await this.judge(
        'success-as-retries-predict',
        { ...treatment.load, faultShare: 0.3, retries: 4 },
        about('arithmetic', 'success is what 4 retries predict'),
      ),
      await this.judge('attempts-exceed-requests', treatment.ledger, about('attempts', 'the server saw the retries')),
      await this.judge(
        'amplification-within',
        { ...treatment.ledger, faultShare: 0.3, retries: 4 },
        about('amplification', 'retries amplify load as predicted, not more'),
      ),
      skipped({
        id: `${id}/per-try-timeout`,
        title: 'each try has its own timeout',
        arm: 'treatment',
        expected: 'a timeout per try',
        reason: 'Consul has no timeout per try',
      }),
    ];
    return scenario(
      id,
      'Retries recover a service that fails 30 % of its requests',
      'retries',
      [...validity, ...controls, ...claims],
      [control.report, treatment.report],
    );
  }

  async timeouts(): Promise<ScenarioReport> {
    const id = 'timeouts-bound-latency';
    const plan = (seed: number, timeoutMs?: number): ArmPlan => ({
      seed,
      startedAt: begin + seed * 10_000,
      rps: 15,
      seconds: { baseline: 5, fault: 21, recovery: 5 },
      target: 'trips',
      fault: { kind: 'delay', delayMs: 5000, ...(timeoutMs !== undefined && { timeoutMs }) },
    });
    const control = await this.arm(id, 'control', plan(14));
    const treatment = await this.arm(id, 'treatment', plan(18, 1000));
    const bit = await this.judge(
      'faults-bit',
      { receipts: control.receipts },
      { id: `${id}/control-fault`, title: 'the delay bit', arm: 'control', role: 'validity' },
    );
    const slow = await this.judge(
      'latency-at-least',
      { ...control.load, quantile: 0.99, limitMs: 5000 },
      { id: `${id}/control-slow`, title: 'without a timeout the caller waits', arm: 'control', given: [bit] },
    );
    const about = (what: string, title: string): About => ({
      id: `${id}/${what}`,
      title,
      arm: 'treatment',
      given: [bit, slow],
    });
    return scenario(
      id,
      'A timeout bounds the latency of a slow service',
      'timeouts',
      [
        bit,
        slow,
        await this.judge(
          'latency-at-most',
          { ...treatment.load, quantile: 0.99, limitMs: 1200 },
          about('p99', 'callers wait 1.2 s at most'),
        ),
        await this.judge(
          'status-share',
          { ...treatment.load, status: 504, is: { atLeast: 0.99 } },
          about('status', 'callers are told 504'),
        ),
        await this.judge(
          'cancelled-near',
          { ...treatment.ledger, nearMs: 1000, toleranceMs: 100, share: 0.95 },
          about('cancelled', 'the server sees the caller give up'),
        ),
      ],
      [control.report, treatment.report],
    );
  }

  async goldenSignals(): Promise<ScenarioReport> {
    const id = 'golden-signals';
    const write = (arm: string, when: string, at: number, count: number, errors = {}) =>
      writeEvidence(this.dir, `evidence/${id}/${arm}/proxy-${when}.json`, snapshotsAt(at, count, errors));
    const control = {
      before: await write('control', 'before', begin, 0),
      after: await write('control', 'after', begin + 20_000, 400, { trips: 130 }),
    };
    const treatment = {
      before: await write('treatment', 'before', begin + 30_000, 400, { trips: 130 }),
      after: await write('treatment', 'after', begin + 50_000, 900, { trips: 130 }),
    };
    await this.signalsOf(id, 'treatment', { proxy: treatment, fromMs: begin + 30_000, seconds: 20 });
    const set = {
      http: httpServices,
      tcp: ['postgres'],
      bounds: { minRequests: 100, minSuccessRate: 0.99, maxP99Ms: 250 },
    };
    const breached = await this.judge(
      'golden-signals-breached',
      { ...control, ...set },
      { id: `${id}/control-breached`, title: 'the signals show a fault', arm: 'control' },
    );
    return scenario(
      id,
      'Latency, traffic, errors and saturation of every service',
      'golden-signals',
      [
        breached,
        await this.judge(
          'golden-signals-within',
          { ...treatment, ...set },
          {
            id: `${id}/within`,
            title: 'every service has golden signals within bounds',
            arm: 'treatment',
            given: [breached],
          },
        ),
      ],
      [],
    );
  }

  /** The rows of one arm, made as a run makes them, with a few requests of k6 beside the proxies' own figures. */
  private async signalsOf(
    scenario: string,
    arm: string,
    { proxy, fromMs, seconds }: { proxy: SignalSources['proxy']; fromMs: number; seconds: number },
  ): Promise<void> {
    const folder = `evidence/${scenario}/${arm}`;
    const samples = Array.from({ length: seconds * 25 }, (_, index): LoadSample => ({
      requestId: `k6-${index}`,
      startedAt: fromMs + index * 40,
      durationMs: 6 + (index % 50) / 2,
      status: 200,
      errorCode: 0,
      target: 'tripviewer',
      ok: true,
    }));
    const sources: SignalSources = {
      phase: 'baseline',
      proxy,
      load: await writeEvidenceLines(this.dir, `${folder}/load.ndjson`, samples),
      loadFacts: await writeEvidence(this.dir, `${folder}/load.json`, {
        exitCode: 0,
        droppedIterations: 0,
        problems: [],
      }),
      window: { fromMs, toMs: fromMs + seconds * 1000 },
      client: 'load',
      targets: ['tripviewer'],
    };
    await writeEvidence(this.dir, `${folder}/signals.json`, sources);
    this.signals.push(...(await signalTable({ scenario, arm }, sources, directoryReader(this.dir))));
  }

  async runAssertions(): Promise<Assertion[]> {
    const problems = await writeEvidence(this.dir, 'evidence/run/sidecar-problems.json', []);
    const residue = await writeEvidence(this.dir, 'evidence/run/residue.json', {
      before: ['chain KUBE-SERVICES'],
      after: ['chain KUBE-SERVICES'],
      added: [],
    });
    return [
      await this.judge(
        'list-empty',
        { path: problems },
        { id: 'run/sidecars', title: 'every pod that should be meshed is' },
      ),
      await this.judge(
        'list-empty',
        { path: residue, pointer: '/added' },
        { id: 'run/residue', title: 'nothing is left behind' },
      ),
    ];
  }
}

function scenario(
  id: string,
  title: string,
  criterion: string,
  assertions: Assertion[],
  arms: RunArm[],
): ScenarioReport {
  return {
    id,
    title,
    criterion,
    status: scenarioStatus(assertions),
    reason: '',
    durationMs: 41_000,
    ...(tried[id] && { tried: { scenario: id, ...tried[id] } }),
    arms: arms.map((arm) => judgeArm(arm, assertions)),
    assertions,
  };
}

function health(takenAt: number): HealthSnapshot {
  return {
    takenAt,
    status: 'pass',
    checks: [
      {
        id: 'kubernetes/nodes-ready',
        title: 'every node is Ready',
        category: 'kubernetes',
        status: 'pass',
        observed: '1 of 1',
      },
      {
        id: 'workloads/ready',
        title: 'every workload has its replicas',
        category: 'workloads',
        status: 'pass',
        observed: '11 of 11 pods ready, 0 restarts',
      },
      {
        id: 'mesh/sidecars',
        title: 'every sidecar is connected and in sync',
        category: 'mesh',
        status: 'pass',
        observed: '11 of 11',
      },
      {
        id: 'certificates/lifetime',
        title: 'no certificate ends within an hour',
        category: 'certificates',
        status: 'pass',
        observed: 'the first ends in 71 h',
      },
    ],
  };
}

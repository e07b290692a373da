import { judge, type About } from '../../assert/recompute.ts';
import type { Assertion, EvidencePath } from '../../assert/assertion.ts';
import type { Window } from '../../assert/rule.ts';
import { startFault } from '../../fault/start-fault.ts';
import { prepareLoad } from '../../load/prepare-load.ts';
import { figuresOf, loadFacts, seriesOf } from '../figures.ts';
import type { ArmReport, GoldenSignals } from '../../report/model.ts';
import type { SignalsScenario } from '../../scenario/schema.ts';
import { goldenSignals, loadSignals } from '../../signals/golden.ts';
import { snapshotDeltas } from '../../signals/delta.ts';
import { collectAssertions } from '../collect-assertions.ts';
import type { ExperimentResult, RunContext } from '../context.ts';
import { evidencePath } from '../evidence.ts';
import { serviceTargets } from '../lab-load.ts';
import { proxySnapshots } from '../proxies.ts';

/** Client and proxy may differ by this much (design, part 9): counts and success, quantiles. */
const countsShare = 0.05;
const quantileShare = 0.1;
/** Below this many milliseconds a tenth is less than what a loaded machine adds between proxy and client. */
const quantileSlackMs = 5;

interface SignalsArm {
  report: ArmReport;
  before: EvidencePath;
  after: EvidencePath;
  load: EvidencePath;
  loadFacts: EvidencePath;
  window: Window;
  /** Proxies of which nothing can be said: restarted, or without metrics at one of the two looks. */
  proxyProblems: EvidencePath;
  receipts?: EvidencePath;
  signals: GoldenSignals[];
}

/**
 * Latency, traffic, errors and saturation of every service under load, by the proxies and by the client. The control is the
 * same load with a fault in force: the same thresholds must fail, or they would pass anything.
 */
export async function runSignals(scenario: SignalsScenario, context: RunContext): Promise<ExperimentResult> {
  const { lab } = context;
  const { reader } = context.evidence;
  const control = await runArm(scenario, 'control', context);
  const treatment = await runArm(scenario, 'treatment', context);
  const bounds = {
    minRequests: scenario.thresholds.minRequestsPerService,
    minSuccessRate: scenario.thresholds.successRateAtLeast,
    maxP99Ms: scenario.thresholds.p99AtMostMs,
  };
  const all = (arm: SignalsArm) => ({
    before: arm.before,
    after: arm.after,
    http: [...lab.httpServices],
    tcp: ['postgres'],
    bounds,
  });
  const { assertions, add } = collectAssertions();
  const valid: Record<string, Assertion[]> = {};
  for (const arm of [control, treatment]) {
    const { name } = arm.report;
    const about = (what: string, title: string): About => ({
      id: `${scenario.id}/${name}/${what}`,
      title,
      arm: name,
      role: 'validity',
    });
    valid[name] = [
      await add(
        judge(
          'load-sufficient',
          {
            load: arm.load,
            facts: arm.loadFacts,
            window: arm.window,
            minRequests: Math.floor(scenario.load.rps * scenario.load.seconds * 0.9),
          },
          about('load', 'The load was delivered as asked'),
          reader,
        ),
      ),
    ];
    valid[name].push(
      await add(
        judge(
          'list-empty',
          { path: arm.proxyProblems },
          about('proxies', 'Every proxy’s metrics cover the whole load'),
          reader,
        ),
      ),
    );
    if (arm.receipts !== undefined) {
      valid[name].push(
        await add(
          judge(
            'faults-bit',
            { receipts: arm.receipts },
            about('fault-receipts', 'The fault was in force on every replica'),
            reader,
          ),
        ),
      );
    }
  }
  const breached = await add(
    judge(
      'golden-signals-breached',
      all(control),
      {
        id: `${scenario.id}/control/thresholds-fail`,
        title: 'With a fault in force the thresholds fail',
        arm: 'control',
        given: valid['control'] ?? [],
        hint: 'Thresholds that a failing service meets are no thresholds.',
      },
      reader,
    ),
  );
  const given = [breached, ...(valid['treatment'] ?? [])];
  await add(
    judge(
      'golden-signals-within',
      all(treatment),
      {
        id: `${scenario.id}/thresholds`,
        title: 'Every service has latency, traffic, errors and saturation, within bounds',
        arm: 'treatment',
        given,
        hint: 'The golden signals table shows the service that is out of bounds.',
      },
      reader,
    ),
  );
  for (const service of lab.httpServices) {
    const proxy = { before: treatment.before, after: treatment.after, service: lab.client, destination: service };
    const about = (what: string, title: string): About => ({
      id: `${scenario.id}/${service}/${what}`,
      title,
      arm: 'treatment',
      given,
      hint: 'Client and proxy disagree: one of the two is not telling what happened.',
    });
    await add(
      judge(
        'counts-within',
        {
          a: { from: 'load', count: 'requests', select: { load: treatment.load, target: service } },
          b: { from: 'proxy', count: 'requests', select: proxy },
          share: countsShare,
        },
        about('count', `Client and proxy count the same requests to ${service}`),
        reader,
      ),
    );
    await add(
      judge(
        'quantile-within',
        {
          load: { load: treatment.load, target: service },
          proxy,
          quantile: 0.5,
          share: quantileShare,
          slackMs: quantileSlackMs,
        },
        about('p50', `Client and proxy measure the same median latency of ${service}`),
        reader,
      ),
    );
  }
  for (const arm of [control, treatment]) {
    const broken = (valid[arm.report.name] ?? []).filter(({ status }) => status !== 'pass');
    arm.report.problems = broken.map(({ title, observed }) => `${title}: ${observed}`);
    if (broken.length > 0) arm.report.status = 'invalid';
  }
  return { arms: [control.report, treatment.report], assertions, signals: [...control.signals, ...treatment.signals] };
}

async function runArm(
  scenario: SignalsScenario,
  name: 'control' | 'treatment',
  context: RunContext,
): Promise<SignalsArm> {
  const { lab, evidence, progress } = context;
  const path = (file: string): EvidencePath => evidencePath(scenario.id, name, file);
  return progress.step(`${scenario.id}: ${name}`, async (detail) => {
    const durationMs = scenario.load.seconds * 1000;
    detail('load client');
    await using load = await prepareLoad(
      {
        client: lab.client,
        namespace: lab.namespaces.meshed,
        targets: lab.httpServices.flatMap((service) => serviceTargets(service, lab.namespaces.meshed)),
        rps: scenario.load.rps,
        durationMs,
        maxVUs: 60,
        requestTimeoutMs: 10_000,
      },
      lab.loadContext(context),
    );
    const watched = [
      ...load.pods.map((pod) => ({ pod, service: lab.client })),
      ...(
        await Promise.all(
          [...lab.httpServices, 'postgres'].map(async (service) =>
            (await lab.readyPods(service)).map((pod) => ({ pod, service })),
          ),
        )
      ).flat(),
    ];
    if (name === 'control') await lab.replaceAtTheEnd(scenario.fault.target, context);
    const fault =
      name === 'control'
        ? await startFault(scenario.fault, {
            ...lab.faultContext(context, await lab.readyPods(scenario.fault.target)),
            deadManMs: durationMs + 60_000,
          })
        : undefined;
    const before = await proxySnapshots(watched, context);
    detail(`load for ${scenario.load.seconds} s`);
    const running = await load.start();
    const result = await running.finish();
    const after = await proxySnapshots(watched, context);
    await fault?.undo();
    const receipts = (await fault?.receipts()) ?? [];
    if (fault !== undefined) {
      await evidence.ndjson(path('ledger.ndjson.gz'), await fault.ledger());
    }
    const end = result.samples.reduce((last, sample) => Math.max(last, sample.startedAt), running.startedAt);
    const window = { fromMs: running.startedAt, toMs: end + 1 };
    const { deltas, problems } = snapshotDeltas(before, after);
    const phase = fault === undefined ? 'baseline' : 'fault';
    const labels = { scenario: scenario.id, arm: name, phase };
    const figures = figuresOf(result, window);
    return {
      before: await evidence.json(path('proxy-before.json'), before),
      after: await evidence.json(path('proxy-after.json'), after),
      load: await evidence.ndjson(path('load.ndjson.gz'), result.samples),
      loadFacts: await evidence.json(path('load.json'), loadFacts(result)),
      proxyProblems: await evidence.json(path('proxy-problems.json'), problems),
      ...(fault !== undefined && { receipts: await evidence.json(path('faults.json'), receipts) }),
      window,
      signals: [
        ...goldenSignals({ ...labels, deltas }),
        ...lab.httpServices.map((service) =>
          loadSignals({
            ...labels,
            source: lab.client,
            destination: service,
            load: figuresOf(result, window, service),
          }),
        ),
      ],
      report: {
        name,
        status: 'pass',
        problems: [],
        phases: [
          {
            name: phase,
            startedAt: new Date(window.fromMs).toISOString(),
            endedAt: new Date(window.toMs).toISOString(),
            load: figures,
            series: seriesOf(result, window, running.startedAt),
          },
        ],
        faults: receipts,
        wire: [],
      },
    } satisfies SignalsArm;
  });
}

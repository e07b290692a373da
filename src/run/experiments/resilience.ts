import { judge, type About } from '../../assert/recompute.ts';
import type { Assertion } from '../../assert/assertion.ts';
import type { ResilienceScenario } from '../../scenario/schema.ts';
import { collectAssertions } from '../collect-assertions.ts';
import type { ExperimentResult, RunContext } from '../context.ts';
import { runFaultArm, type ArmEvidence } from '../fault-arm.ts';

/** Quantile that "p99" stands for everywhere. */
const p99 = 0.99;
/** Two independent signals may differ by this much (design, part 9: reconciling). */
const agree = 0.05;

/**
 * Same load and fault twice: without the policy (the errors must reach the caller) and with it (the claim must hold).
 * Every judgement is by the client's view and, independently, by the server's ledger and the proxy's counters.
 */
export async function runResilience(scenario: ResilienceScenario, context: RunContext): Promise<ExperimentResult> {
  const control = await runFaultArm(scenario, 'control', context);
  const treatment = await runFaultArm(scenario, 'treatment', context);
  const { assertions, add } = collectAssertions();
  const valid = {
    control: await validity(scenario, control, context, add),
    treatment: await validity(scenario, treatment, context, add),
  };
  const claims = scenario.claim.kind === 'recovers-errors' ? recoversErrors : boundsLatency;
  await claims(scenario, { control, treatment }, valid, context, add);
  for (const arm of [control, treatment]) {
    const own = assertions.filter(
      (assertion) => assertion.arm === arm.report.name && assertion.recompute?.role === 'validity',
    );
    arm.report.problems = own
      .filter(({ status }) => status !== 'pass')
      .map(({ title, observed }) => `${title}: ${observed}`);
    arm.report.status = arm.report.problems.length > 0 ? 'invalid' : 'pass';
  }
  return { arms: [control.report, treatment.report], assertions, signals: [...control.signals, ...treatment.signals] };
}

type Add = (assertion: Promise<Assertion>) => Promise<Assertion>;
type Arms = Record<'control' | 'treatment', ArmEvidence>;
type Validity = Record<'control' | 'treatment', Assertion[]>;

/** Did the experiment take place: enough load, a fault that bit as asked, sources that agree. */
async function validity(
  scenario: ResilienceScenario,
  arm: ArmEvidence,
  context: RunContext,
  add: Add,
): Promise<Assertion[]> {
  const { reader } = context.evidence;
  const name = arm.report.name;
  const about = (what: string, title: string, hint: string): About => ({
    id: `${scenario.id}/${name}/${what}`,
    title,
    arm: name,
    role: 'validity',
    hint,
  });
  const { fault, claim, load } = scenario;
  const minRequests = name === 'treatment' || claim.kind === 'bounds-latency' ? claim.minRequests : 200;
  const window = arm.windows.fault;
  const checks = [
    judge(
      'load-sufficient',
      { load: arm.load, facts: arm.loadFacts, window, minRequests },
      about(
        'load',
        'The load was delivered as asked',
        'See k6’s own output in the evidence; a machine that is too busy drops iterations.',
      ),
      reader,
    ),
    judge(
      'success-rate-at-least',
      { load: arm.load, window: arm.windows.baseline, share: 0.99, minRequests: 20 },
      about(
        'baseline',
        'Before the fault the service answers',
        'A service that fails without a fault proves nothing about the policy.',
      ),
      reader,
    ),
    judge(
      'faults-bit',
      { receipts: arm.receipts },
      about('fault-receipts', 'The fault was in force on every replica', 'See faults.json and the fault points’ logs.'),
      reader,
    ),
    judge(
      'fault-share',
      {
        ledger: arm.ledger,
        window,
        injected: fault.kind === 'http-abort' ? 'abort' : 'delay',
        asked: fault.percentage / 100,
      },
      about(
        'fault-share',
        'The fault hit the share of requests that was asked',
        'Connections opened before the fault may have escaped it.',
      ),
      reader,
    ),
    judge(
      'counts-within',
      {
        a: { from: 'load', count: 'requests', select: { load: arm.load, window } },
        b: { from: 'ledger', count: 'requests', select: { ledger: arm.ledger, window } },
        share: agree,
      },
      about(
        'client-and-server-agree',
        'Client and server saw the same requests',
        'Requests that miss the fault point spoil the experiment.',
      ),
      reader,
    ),
    judge(
      'counter-delta',
      {
        before: arm.proxy.before,
        after: arm.proxy.after,
        service: arm.client,
        destination: load.service,
        counter: 'retryOverflow',
        atMost: 0,
      },
      about(
        'retry-overflow',
        'The calling proxies refused no retry',
        'Envoy allows 3 concurrent retries: fewer requests/s per client, or more clients.',
      ),
      reader,
    ),
  ];
  const done: Assertion[] = [];
  for (const check of checks) done.push(await add(check));
  return done;
}

async function recoversErrors(
  scenario: ResilienceScenario,
  arms: Arms,
  valid: Validity,
  context: RunContext,
  add: Add,
): Promise<void> {
  const { claim, fault, load } = scenario;
  if (claim.kind !== 'recovers-errors' || fault.kind !== 'http-abort') return;
  const { reader } = context.evidence;
  const share = fault.percentage / 100;
  const { control, treatment } = arms;
  const controlFailed = [
    await add(
      judge(
        'status-share',
        { load: control.load, window: control.windows.fault, status: fault.status, is: { asked: share } },
        {
          id: `${scenario.id}/control/errors-reach-caller`,
          title: 'Without retries the errors reach the caller',
          arm: 'control',
          given: valid.control,
          hint: 'If they do not, something else already hides them: a default retry, a fallback, a cache.',
        },
        reader,
      ),
    ),
    await add(
      judge(
        'success-rate-below',
        { load: control.load, window: control.windows.fault, share: claim.objective },
        {
          id: `${scenario.id}/control/misses-objective`,
          title: 'Without retries the objective is missed',
          arm: 'control',
          given: valid.control,
          hint: 'An objective that is met without the policy says nothing about the policy.',
        },
        reader,
      ),
    ),
    await add(
      judge(
        'attempts-equal-requests',
        { ledger: control.ledger, window: control.windows.fault },
        {
          id: `${scenario.id}/control/no-retries`,
          title: 'Without the policy nothing is retried',
          arm: 'control',
          given: valid.control,
        },
        reader,
      ),
    ),
  ];
  const given = [...controlFailed, ...valid.treatment];
  const window = treatment.windows.fault;
  const about = (what: string, title: string, hint?: string): About => ({
    id: `${scenario.id}/${what}`,
    title,
    arm: 'treatment',
    given,
    ...(hint !== undefined && { hint }),
  });
  await add(
    judge(
      'success-rate-at-least',
      { load: treatment.load, window, share: claim.objective, minRequests: claim.minRequests },
      about(
        'success-rate',
        'With retries the caller’s success rate meets the objective',
        'Look at policies.yaml in the evidence: is the retry policy what you think it is?',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'success-as-retries-predict',
      { load: treatment.load, window, faultShare: share, retries: claim.retries, minRequests: claim.minRequests },
      about(
        'arithmetic',
        'The success rate is what so many retries must give',
        'Too good is as suspicious as too bad: some requests may have missed the fault.',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'attempts-exceed-requests',
      { ledger: treatment.ledger, window },
      about(
        'attempts',
        'The server saw the retries',
        'The mesh does not retry: is the policy applied to this service?',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'amplification-within',
      { ledger: treatment.ledger, window, faultShare: share, retries: claim.retries },
      about(
        'amplification',
        'Retries cost what they must, not more',
        'More attempts than the arithmetic allows: retries at two layers multiply.',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'counter-delta',
      {
        before: treatment.proxy.before,
        after: treatment.proxy.after,
        service: treatment.client,
        destination: load.service,
        counter: 'retries',
        atLeast: 1,
      },
      about(
        'proxy-counts-retries',
        'The calling proxy counted the retries too',
        'A counter that stays zero is no evidence: does this mesh expose it?',
      ),
      reader,
    ),
  );
}

async function boundsLatency(
  scenario: ResilienceScenario,
  arms: Arms,
  valid: Validity,
  context: RunContext,
  add: Add,
): Promise<void> {
  const { claim, fault, load } = scenario;
  if (claim.kind !== 'bounds-latency') return;
  const { reader } = context.evidence;
  const { control, treatment } = arms;
  const controlFailed = [
    await add(
      judge(
        'latency-at-least',
        { load: control.load, window: control.windows.fault, quantile: p99, limitMs: claim.controlP99AtLeastMs },
        {
          id: `${scenario.id}/control/callers-wait`,
          title: 'Without a timeout callers wait as long as the service hangs',
          arm: 'control',
          given: valid.control,
          hint: 'If they do not, another timeout is in force: the mesh’s default, the client’s own.',
        },
        reader,
      ),
    ),
    await add(
      judge(
        'status-share',
        { load: control.load, window: control.windows.fault, status: claim.status, is: { atMost: 0 } },
        {
          id: `${scenario.id}/control/no-timeouts`,
          title: `Without the policy there is no ${claim.status}`,
          arm: 'control',
          given: valid.control,
        },
        reader,
      ),
    ),
  ];
  const given = [...controlFailed, ...valid.treatment];
  const window = treatment.windows.fault;
  const timeout = scenario.arms.treatment.policies.find((policy) => policy.kind === 'timeout');
  const timeoutMs = timeout?.kind === 'timeout' ? timeout.timeoutMs : claim.p99AtMostMs;
  const about = (what: string, title: string, hint?: string): About => ({
    id: `${scenario.id}/${what}`,
    title,
    arm: 'treatment',
    given,
    ...(hint !== undefined && { hint }),
  });
  await add(
    judge(
      'latency-at-most',
      { load: treatment.load, window, quantile: p99, limitMs: claim.p99AtMostMs, minRequests: claim.minRequests },
      about(
        'p99',
        'With the timeout callers wait a bounded time',
        'Is the timeout applied to this service, for this caller?',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'status-share',
      { load: treatment.load, window, status: claim.status, is: { asked: fault.percentage / 100 } },
      about(
        'status',
        `Calls that hang end with ${claim.status}`,
        'An empty answer or another status: who cut the call?',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'counts-within',
      {
        a: {
          from: 'proxy',
          count: 'timeouts',
          select: {
            before: treatment.proxy.before,
            after: treatment.proxy.after,
            service: treatment.client,
            destination: load.service,
          },
        },
        b: { from: 'load', count: 'errors', select: { load: treatment.load } },
        share: agree,
      },
      about(
        'proxy-counts-timeouts',
        'The calling proxy counted the same timeouts',
        'Two signals that disagree: one of them lies.',
      ),
      reader,
    ),
  );
  await add(
    judge(
      'cancelled-near',
      { ledger: treatment.ledger, window, nearMs: timeoutMs, toleranceMs: 200, share: 0.95 },
      about(
        'server-sees-cancellation',
        'The server saw the caller give up at the timeout',
        'The proxy answered but kept the call open: the service still pays for it.',
      ),
      reader,
    ),
  );
}

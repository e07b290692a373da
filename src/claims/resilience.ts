import type { Assertion } from '../judge/assertion.ts';
import type { ResilienceScenario } from '../scenario/schema.ts';
import type { ExperimentResult, RunContext } from '../run/context.ts';
import { runFaultArm, type ArmEvidence } from '../run/fault-arm.ts';
import { Judging } from '../run/judging.ts';

/** Quantile that "p99" stands for everywhere. */
const p99 = 0.99;
/** Two independent signals may differ by this much (design, part 9: reconciling). */
const agree = 0.05;
/** What a service without a fault must reach, for a phase with a fault to mean anything. */
const unharmed = { share: 0.99, minRequests: 20 };
/** Enough for a control: the errors it must see are frequent. */
const controlRequests = 200;

/**
 * Same load and fault twice: without the policy (the errors must reach the caller) and with it (the claim must hold).
 * Every judgement is by the client's view and, independently, by the server's ledger and the proxy's counters.
 */
export async function runResilience(scenario: ResilienceScenario, context: RunContext): Promise<ExperimentResult> {
  const control = await runFaultArm(scenario, 'control', context);
  const treatment = await runFaultArm(scenario, 'treatment', context);
  const judging = new Judging(context.evidence.reader);
  const arms = { control, treatment };
  const valid = {
    control: await validity(scenario, control, judging),
    treatment: await validity(scenario, treatment, judging),
  };
  const claims = scenario.claim.kind === 'recovers-errors' ? recoversErrors : boundsLatency;
  await claims(scenario, arms, valid, judging);
  return {
    arms: [control.report, treatment.report],
    assertions: judging.assertions,
    signals: [...control.signals, ...treatment.signals],
  };
}

type Arms = Record<'control' | 'treatment', ArmEvidence>;
type Validity = Record<'control' | 'treatment', Assertion[]>;

/** Did the experiment take place: enough load, a fault that bit as asked and is gone, sources that agree. */
async function validity(scenario: ResilienceScenario, arm: ArmEvidence, judging: Judging): Promise<Assertion[]> {
  const { fault, claim, load } = scenario;
  const { name } = arm.report;
  const { baseline, fault: window, recovery } = arm.windows;
  const minRequests = name === 'treatment' || claim.kind === 'bounds-latency' ? claim.minRequests : controlRequests;
  const check = judging.on({ prefix: `${scenario.id}/${name}`, arm: name, role: 'validity' });
  return [
    await check(
      'load',
      'The load was delivered as asked',
      'load-sufficient',
      { load: arm.load, facts: arm.loadFacts, window, minRequests },
      'See k6’s own output in the evidence; a machine that is too busy drops iterations.',
    ),
    await check(
      'baseline',
      'Before the fault the service answers',
      'success-rate-at-least',
      { load: arm.load, window: baseline, ...unharmed },
      'A service that fails without a fault proves nothing about the policy.',
    ),
    await check(
      'fault-receipts',
      'The fault was in force on every replica',
      'faults-bit',
      { receipts: arm.receipts },
      'See faults.json and the fault points’ logs.',
    ),
    await check(
      'fault-share',
      'The fault hit the share of requests that was asked',
      'fault-share',
      {
        ledger: arm.ledger,
        window,
        injected: fault.kind === 'http-abort' ? 'abort' : 'delay',
        asked: fault.percentage / 100,
      },
      'Connections opened before the fault may have escaped it.',
    ),
    await check(
      'client-and-server-agree',
      'Client and server saw the same requests',
      'counts-within',
      {
        a: { from: 'load', count: 'requests', select: { load: arm.load, window } },
        b: { from: 'ledger', count: 'requests', select: { ledger: arm.ledger, window } },
        share: agree,
      },
      'Requests that miss the fault point spoil the experiment.',
    ),
    await check(
      'retry-overflow',
      'The calling proxies refused no retry',
      'counter-delta',
      { ...towards(arm, load.service), counter: 'retryOverflow', atMost: 0 },
      'Envoy allows 3 concurrent retries: fewer requests/s per client, or more clients.',
    ),
    await check(
      'fault-undone',
      'The fault was taken back on every replica',
      'faults-undone',
      { receipts: arm.receipts },
      'See faults.json; `./bin/meshproof down` removes the lab.',
    ),
    await check(
      'recovery',
      'After the fault the service answers again',
      'success-rate-at-least',
      { load: arm.load, window: recovery, ...unharmed },
      'What still fails when the fault is gone was not the fault: is it in force somewhere else, or is a breaker open?',
    ),
  ];
}

/** The calling proxies' counters of an arm. */
function towards(arm: ArmEvidence, destination: string) {
  return { ...arm.proxy, service: arm.client, destination };
}

async function recoversErrors(
  scenario: ResilienceScenario,
  { control, treatment }: Arms,
  valid: Validity,
  judging: Judging,
): Promise<void> {
  const { id, claim, fault, load } = scenario;
  if (claim.kind !== 'recovers-errors' || fault.kind !== 'http-abort') return;
  const share = fault.percentage / 100;
  const unprotected = judging.on({ prefix: `${id}/control`, arm: 'control', given: valid.control });
  const during = { load: control.load, window: control.windows.fault };
  const controls = [
    await unprotected(
      'errors-reach-caller',
      'Without retries the errors reach the caller',
      'status-share',
      { ...during, status: fault.status, is: { asked: share } },
      'If they do not, something else already hides them: a default retry, a fallback, a cache.',
    ),
    await unprotected(
      'misses-objective',
      'Without retries the objective is missed',
      'success-rate-below',
      { ...during, share: claim.objective },
      'An objective that is met without the policy says nothing about the policy.',
    ),
    await unprotected('no-retries', 'Without the policy nothing is retried', 'attempts-equal-requests', {
      ledger: control.ledger,
      window: control.windows.fault,
    }),
  ];
  const claims = judging.on({ prefix: id, arm: 'treatment', given: [...controls, ...valid.treatment] });
  const window = treatment.windows.fault;
  await claims(
    'success-rate',
    'With retries the caller’s success rate meets the objective',
    'success-rate-at-least',
    { load: treatment.load, window, share: claim.objective, minRequests: claim.minRequests },
    'Look at policies.yaml in the evidence: is the retry policy what you think it is?',
  );
  await claims(
    'arithmetic',
    'The success rate is what so many retries must give',
    'success-as-retries-predict',
    { load: treatment.load, window, faultShare: share, retries: claim.retries, minRequests: claim.minRequests },
    'Too good is as suspicious as too bad: some requests may have missed the fault.',
  );
  await claims(
    'attempts',
    'The server saw the retries',
    'attempts-exceed-requests',
    { ledger: treatment.ledger, window },
    'The mesh does not retry: is the policy applied to this service?',
  );
  await claims(
    'amplification',
    'Retries cost what they must, not more',
    'amplification-within',
    { ledger: treatment.ledger, window, faultShare: share, retries: claim.retries },
    'More attempts than the arithmetic allows: retries at two layers multiply.',
  );
  await claims(
    'proxy-counts-retries',
    'The calling proxy counted the retries too',
    'counter-delta',
    { ...towards(treatment, load.service), counter: 'retries', atLeast: 1 },
    'A counter that stays zero is no evidence: does this mesh expose it?',
  );
}

async function boundsLatency(
  scenario: ResilienceScenario,
  { control, treatment }: Arms,
  valid: Validity,
  judging: Judging,
): Promise<void> {
  const { id, claim, fault, load } = scenario;
  if (claim.kind !== 'bounds-latency') return;
  const unprotected = judging.on({ prefix: `${id}/control`, arm: 'control', given: valid.control });
  const during = { load: control.load, window: control.windows.fault };
  const controls = [
    await unprotected(
      'callers-wait',
      'Without a timeout callers wait as long as the service hangs',
      'latency-at-least',
      { ...during, quantile: p99, limitMs: claim.controlP99AtLeastMs },
      'If they do not, another timeout is in force: the mesh’s default, the client’s own.',
    ),
    await unprotected('no-timeouts', `Without the policy there is no ${claim.status}`, 'status-share', {
      ...during,
      status: claim.status,
      is: { atMost: 0 },
    }),
  ];
  const claims = judging.on({ prefix: id, arm: 'treatment', given: [...controls, ...valid.treatment] });
  const window = treatment.windows.fault;
  const timeout = scenario.arms.treatment.policies.find((policy) => policy.kind === 'timeout');
  const timeoutMs = timeout?.kind === 'timeout' ? timeout.timeoutMs : claim.p99AtMostMs;
  await claims(
    'p99',
    'With the timeout callers wait a bounded time',
    'latency-at-most',
    { load: treatment.load, window, quantile: p99, limitMs: claim.p99AtMostMs, minRequests: claim.minRequests },
    'Is the timeout applied to this service, for this caller?',
  );
  await claims(
    'status',
    `Calls that hang end with ${claim.status}`,
    'status-share',
    { load: treatment.load, window, status: claim.status, is: { asked: fault.percentage / 100 } },
    'An empty answer or another status: who cut the call?',
  );
  await claims(
    'proxy-counts-timeouts',
    'The calling proxy counted the same timeouts',
    'counts-within',
    {
      a: { from: 'proxy', count: 'timeouts', select: towards(treatment, load.service) },
      // By its status: a call that the onset of the fault cuts fails too, with another one.
      b: { from: 'load', count: { status: claim.status }, select: { load: treatment.load } },
      share: agree,
    },
    'Two signals that disagree: one of them lies.',
  );
  await claims(
    'server-sees-cancellation',
    'The server saw the caller give up at the timeout',
    'cancelled-near',
    { ledger: treatment.ledger, window, nearMs: timeoutMs, toleranceMs: 200, share: 0.95 },
    'The proxy answered but kept the call open: the service still pays for it.',
  );
}

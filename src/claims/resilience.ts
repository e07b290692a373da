import { z } from 'zod';
import type { App, AppService } from '../apps/app.ts';
import type { Assertion } from '../judge/assertion.ts';
import { clientName } from '../lab/client.ts';
import type { Policy } from '../policies/index.ts';
import type { AskedFault } from '../faults/index.ts';
import { transitionMs, type ArmName, type ArmResult, type ArmSpec } from './arm.ts';
import type { RunContext } from './context.ts';
import type { Arms, Experiment, Impossible, ScenarioBase, Subject, Trial } from './define-claim.ts';
import type { Judging } from './judging.ts';
import { quiet } from './quiet.ts';
import { targetOf } from './targets.ts';

/** Quantile that "p99" stands for everywhere. */
export const p99 = 0.99;
/** Two independent signals may differ by this much (docs/design.md, reconciling). */
export const agree = 0.05;
/**
 * Retries that a proxy may refuse, of the requests. Each costs one success at most, which the claims about successes know.
 * Arrivals that bunch make it refuse some: seen 1 of 152 at 25 requests/s, and 5 of 1,050 to a service that was slow.
 */
const refusedRetries = 0.01;
/**
 * What a service without a fault must reach, for a phase with a fault to mean anything. A busy machine makes one or two of 40 requests miss a
 * timeout of a second; a service that is harmed, or a fault that is left, fails more than one in twenty.
 */
const unharmed = { share: 0.95, minRequests: 20 };
/** What is asked for, to what is needed: k6 starts late on a busy machine, and arrivals bunch. */
const margin = 1.5;
/** Enough for a control: the errors it must see are frequent. */
export const controlRequests = 200;

const phaseSeconds = z.strictObject({
  baseline: z.number().positive().default(5),
  fault: z.number().positive(),
  recovery: z.number().positive().default(5),
});

const loadSchema = z.strictObject({
  service: z.string().min(1).optional().describe('Called directly by k6, as a meshed client.'),
  each: z.literal('http').optional().describe('Instead of `service`: every service of the app that speaks HTTP.'),
  rps: z.number().positive().max(1000).describe('Open model: arrivals a second, whatever the service does.'),
  clients: z
    .number()
    .int()
    .min(1)
    .max(10)
    .default(1)
    .describe('k6 pods; each calling proxy allows 3 concurrent retries, so about 20 requests/s each.'),
  maxVUs: z.number().int().positive().default(100),
  requestTimeoutMs: z.number().int().positive().default(20_000),
});

/** Same load and fault without and with the policy under test. */
export const resilience: Experiment = {
  name: 'resilience',
  title: 'Same load and fault without and with the policy under test',
  fields: ({ faults, policies }) => {
    const [firstFault, ...otherFaults] = faults.map(({ schema }) => schema);
    const [firstPolicy, ...otherPolicies] = policies
      .filter(({ inScenarios }) => inScenarios)
      // The service under test is the one meant where a policy names none.
      .map(({ schema }) => schema.extend({ service: z.string().min(1).optional() }));
    const policy = z
      .discriminatedUnion('kind', [firstPolicy!, ...otherPolicies] as never)
      .describe('Mesh-neutral: each mesh adapter renders its own resources (kept as evidence).');
    const arm = z.strictObject({ policies: z.array(policy).default([]), phaseSeconds });
    return {
      load: loadSchema,
      fault: z
        .discriminatedUnion('kind', [firstFault!, ...otherFaults] as never)
        .describe(
          'Injected behind the server’s sidecar, so that it works under strict mTLS and every caller policy sees it.',
        ),
      arms: z.strictObject({ control: arm, treatment: arm }),
    };
  },
};

export interface ResilienceScenario<Claim> extends ScenarioBase {
  load: z.output<typeof loadSchema>;
  fault: AskedFault;
  arms: Record<
    ArmName,
    { policies: (Omit<Policy, 'service'> & { service?: string })[]; phaseSeconds: z.output<typeof phaseSeconds> }
  >;
  claim: Claim & { minRequests: number };
}

/** What no resilience scenario can mean. */
export function possibleResilience(scenario: ResilienceScenario<unknown>): Impossible[] {
  const { load, fault } = scenario;
  const found: Impossible[] = [];
  if ((load.service === undefined) === (load.each === undefined))
    found.push({ path: ['load'], message: 'expected either `service` or `each`' });
  if (fault.target !== undefined && fault.target !== load.service) {
    found.push({
      path: ['fault', 'target'],
      message: 'the fault must hit the service that the load calls: expected the same as load.service',
    });
  }
  return [...found, ...tooShort(scenario)];
}

/** Seconds without a fault in which a load makes enough requests to see that the service answers. */
export function leastSeconds(rps: number): { baseline: number; recovery: number } {
  const needed = (margin * unharmed.minRequests) / rps;
  const upToTenths = (seconds: number): number => Math.ceil(seconds * 10) / 10;
  return { baseline: upToTenths(transitionMs / 1000 + needed), recovery: upToTenths(needed) };
}

function tooShort({ load, arms }: ResilienceScenario<unknown>): Impossible[] {
  const least = leastSeconds(load.rps);
  return (['control', 'treatment'] as const).flatMap((arm) =>
    (['baseline', 'recovery'] as const)
      .filter((phase) => arms[arm].phaseSeconds[phase] < least[phase])
      .map((phase) => ({
        path: ['arms', arm, 'phaseSeconds', phase],
        message: `too short at ${load.rps} requests/s to see that the service answers (${unharmed.minRequests} requests): expected at least ${least[phase]}`,
      })),
  );
}

/** At fault: a fault of another kind than the claim is about. */
export function needsFault(scenario: ResilienceScenario<{ kind: string }>, kind: AskedFault['kind']): Impossible[] {
  const { fault, claim } = scenario;
  return fault.kind === kind
    ? []
    : [{ path: ['fault', 'kind'], message: `claim ${claim.kind} needs the fault ${kind}` }];
}

/** The service that is named, or each that speaks HTTP, and each of its routes. */
export function resilienceSubjects(scenario: ResilienceScenario<unknown>, app: App): Subject[] {
  const { load } = scenario;
  if (load.each === undefined) {
    const service = app.services.find(({ name }) => name === load.service);
    return service === undefined ? [] : [{ service }];
  }
  return app.services
    .filter(({ protocol, call }) => protocol === load.each && call !== undefined)
    .flatMap((service): Subject[] => [
      { service, pathPrefix: pathOf(service) },
      ...service.routes.map((route) => ({ service, route, pathPrefix: route.pathPrefix })),
    ]);
}

/** Only the load's own requests are hit, and not those of other services that are tried at the same time. */
function pathOf({ call }: AppService): string {
  return call?.path.split('?', 1)[0] ?? '/';
}

export async function resilienceArms(
  trial: Trial<ResilienceScenario<unknown>>,
  { lab }: RunContext,
): Promise<Arms<undefined>> {
  const { scenario, subject } = trial;
  if (subject === undefined) throw new TypeError(`${scenario.id} has no subject`);
  const { service, route, pathPrefix } = subject;
  const call = route?.call ?? service.call;
  if (call === undefined) throw new TypeError(`${service.name} has no call`);
  const { load, fault } = scenario;
  const arm = (name: ArmName): ArmSpec => {
    const { policies, phaseSeconds: seconds } = scenario.arms[name];
    const baselineMs = seconds.baseline * 1000;
    return {
      scenario: trial.id,
      name,
      app: lab.app,
      policies: [
        { kind: 'outlier-detection', service: service.name, consecutiveErrors: 0 },
        ...policies.map(
          (policy) =>
            ({
              ...policy,
              service: policy.service ?? service.name,
              ...(route !== undefined && { route: { pathPrefix: route.pathPrefix } }),
            }) as Policy,
        ),
      ],
      load: {
        targets: [targetOf(service, lab.app.namespace, call)],
        rps: load.rps,
        clients: load.clients,
        maxVUs: load.maxVUs,
        requestTimeoutMs: load.requestTimeoutMs,
      },
      baselineMs,
      recoveryMs: seconds.recovery * 1000,
      timeline: [
        {
          atMs: baselineMs,
          forMs: seconds.fault * 1000,
          fault: {
            ...fault,
            target: service.name,
            ...(fault.pathPrefix === undefined && pathPrefix !== undefined && { pathPrefix }),
          },
        },
      ],
      watch: [service.name],
    };
  };
  return { control: arm('control'), treatment: arm('treatment'), seen: undefined };
}

/** The calling proxies' counters of an arm, over all of its load: as k6's own counts without a window. */
export function towards({ proxy }: ArmResult, destination: string) {
  return { before: proxy.start, after: proxy.end, service: clientName, destination };
}

/** The evidence that an arm with a fault always has. */
export function faultEvidence(arm: ArmResult): { ledger: string; receipts: string } {
  const { ledger, receipts } = arm;
  if (ledger === undefined || receipts === undefined) throw new TypeError('this arm had no fault');
  return { ledger, receipts };
}

/** Did the experiment take place: a machine that was not too busy, enough load, a fault that bit as asked and is gone, sources that agree. */
export async function validity(
  trial: Trial<ResilienceScenario<unknown>>,
  arm: ArmResult,
  { minRequests, effect, judging }: { minRequests: number; effect: 'abort' | 'delay'; judging: Judging },
): Promise<Assertion[]> {
  const { fault } = trial.scenario;
  const { name } = arm.report;
  const { baseline, fault: window, recovery } = arm.windows;
  const { ledger, receipts } = faultEvidence(arm);
  const check = judging.on({ prefix: `${trial.id}/${name}`, arm: name, role: 'validity' });
  return [
    await quiet(check, arm),
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
      { receipts },
      'See faults.json and the fault points’ logs.',
    ),
    await check(
      'fault-share',
      'The fault hit the share of requests that was asked',
      'fault-share',
      { ledger, window, injected: effect, asked: fault.percentage / 100 },
      'Connections opened before the fault may have escaped it.',
    ),
    await check(
      'client-and-server-agree',
      'Client and server saw the same requests',
      'counts-within',
      {
        a: { from: 'load', count: 'requests', select: { load: arm.load, window } },
        b: { from: 'ledger', count: 'requests', select: { ledger, window } },
        share: agree,
      },
      'Requests that miss the fault point spoil the experiment.',
    ),
    await check(
      'retry-overflow',
      'The calling proxies refused hardly a retry',
      'counter-delta',
      {
        ...towards(arm, trial.subject?.service.name ?? ''),
        counter: 'retryOverflow',
        atMost: Math.max(1, Math.floor(minRequests * refusedRetries)),
      },
      'Envoy allows 3 concurrent retries: fewer requests/s per client, or more clients.',
    ),
    await check(
      'fault-undone',
      'The fault was taken back on every replica',
      'faults-undone',
      { receipts },
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

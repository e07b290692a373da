import { z } from 'zod';
import { bothArms, defineClaim } from './define-claim.ts';
import { machineOf } from './quiet.ts';
import {
  agree,
  faultEvidence,
  needsFault,
  p99,
  possibleResilience,
  resilience,
  resilienceArms,
  resilienceSubjects,
  towards,
  validity,
  type ResilienceScenario,
} from './resilience.ts';

const schema = z.strictObject({
  kind: z.literal('bounds-latency'),
  controlP99AtLeastMs: z.number().positive(),
  p99AtMostMs: z.number().positive(),
  status: z.number().int().default(504),
  minRequests: z.number().int().min(50).default(300),
});

/** As a scenario file has it. */
export type AskedBoundsLatency = z.input<typeof schema>;

type Scenario = ResilienceScenario<z.output<typeof schema>>;

/** A service that hangs costs its callers a bounded time: without a timeout they wait, with it they do not. */
export const boundsLatency = defineClaim<Scenario, undefined>({
  kind: 'bounds-latency',
  title: 'A timeout bounds what a slow service costs its callers',
  experiment: resilience,
  schema,
  requires: { policies: ['timeout'], protocol: 'http' },
  possible: (scenario) => [...possibleResilience(scenario), ...needsFault(scenario, 'http-delay')],
  subjects: resilienceSubjects,
  arms: resilienceArms,
  async judge({ trial, judging, arms }) {
    const { control, treatment } = bothArms({ arms });
    const { id, scenario, subject } = trial;
    const { claim, fault } = scenario;
    const both = { minRequests: claim.minRequests, effect: 'delay', judging } as const;
    const valid = { control: await validity(trial, control, both), treatment: await validity(trial, treatment, both) };
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
    const timeout = treatment.spec.policies.find((policy) => policy.kind === 'timeout');
    const timeoutMs = timeout?.kind === 'timeout' ? timeout.timeoutMs : claim.p99AtMostMs;
    await claims(
      'p99',
      'With the timeout callers wait a bounded time',
      'latency-at-most',
      {
        load: treatment.load,
        window,
        quantile: p99,
        limitMs: claim.p99AtMostMs,
        minRequests: claim.minRequests,
        machine: machineOf(treatment),
      },
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
        a: { from: 'proxy', count: 'timeouts', select: towards(treatment, subject?.service.name ?? '') },
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
      {
        ledger: faultEvidence(treatment).ledger,
        window,
        nearMs: timeoutMs,
        toleranceMs: 200,
        share: 0.95,
        machine: machineOf(treatment),
      },
      'The proxy answered but kept the call open: the service still pays for it.',
    );
  },
});

import { z } from 'zod';
import type { RetryBound } from '../judge/retries.ts';
import { bothArms, defineClaim, type Impossible } from './define-claim.ts';
import {
  controlRequests,
  faultEvidence,
  needsFault,
  possibleResilience,
  resilience,
  resilienceArms,
  resilienceSubjects,
  towards,
  validity,
  type ResilienceScenario,
} from './resilience.ts';

const schema = z.strictObject({
  kind: z.literal('recovers-errors'),
  objective: z.number().gt(0).lt(1).describe('Success rate the treatment must reach, e.g. 0.99.'),
  minRequests: z.number().int().min(100).default(1000),
  retries: z.number().int().min(1).describe('For the arithmetic: expected success = 1 - share^(retries+1).'),
});

/** As a scenario file has it. */
export type AskedRecoversErrors = z.input<typeof schema>;

type Scenario = ResilienceScenario<z.output<typeof schema>>;

/** Transient errors of a service do not reach its callers: without retries they must, with retries they must not. */
export const recoversErrors = defineClaim<Scenario, undefined>({
  kind: 'recovers-errors',
  title: 'Retries hide transient errors from callers',
  experiment: resilience,
  schema,
  requires: ({ claim, fault }) => ({
    policies: ['retry'],
    protocol: 'http',
    ...(fault.kind === 'http-abort' && {
      retries: { attempts: claim.retries, faultShare: fault.percentage / 100 },
    }),
  }),
  possible: (scenario): Impossible[] => [...possibleResilience(scenario), ...needsFault(scenario, 'http-abort')],
  subjects: resilienceSubjects,
  arms: resilienceArms,
  async judge({ trial, judging, arms, context }) {
    const { control, treatment } = bothArms({ arms });
    const { id, scenario } = trial;
    const { claim, fault } = scenario;
    if (fault.kind !== 'http-abort') throw new TypeError(`${id} has no aborts`);
    const valid = {
      control: await validity(trial, control, { minRequests: controlRequests, effect: 'abort', judging }),
      treatment: await validity(trial, treatment, { minRequests: claim.minRequests, effect: 'abort', judging }),
    };
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
        ledger: faultEvidence(control).ledger,
        window: control.windows.fault,
      }),
    ];
    const claims = judging.on({ prefix: id, arm: 'treatment', given: [...controls, ...valid.treatment] });
    const window = treatment.windows.fault;
    const { ledger } = faultEvidence(treatment);
    const caller = towards(treatment, trial.subject?.service.name ?? '');
    const asRetried: RetryBound = {
      faultShare: share,
      retries: claim.retries,
      ...(context.lab.meshEntry.retriesBoundedBy === 'budget' && { bound: 'budget' }),
    };
    await claims(
      'success-rate',
      'With retries the caller’s success rate meets the objective',
      'success-rate-at-least',
      { load: treatment.load, window, share: claim.objective, minRequests: claim.minRequests, refused: caller },
      'Look at policies.yaml in the evidence: is the retry policy what you think it is?',
    );
    await claims(
      'arithmetic',
      'The success rate is what so many retries must give',
      'success-as-retries-predict',
      { load: treatment.load, window, ...asRetried, minRequests: claim.minRequests, refused: caller },
      'Too good is as suspicious as too bad: some requests may have missed the fault.',
    );
    await claims(
      'attempts',
      'The server saw the retries',
      'attempts-exceed-requests',
      { ledger, window },
      'The mesh does not retry: is the policy applied to this service?',
    );
    await claims(
      'amplification',
      'Retries cost what they must, not more',
      'amplification-within',
      { ledger, window, ...asRetried },
      'More attempts than the arithmetic allows: retries at two layers multiply.',
    );
    await claims(
      'proxy-counts-retries',
      'The calling proxy counted the retries too',
      'counter-delta',
      { ...caller, counter: 'retries', atLeast: 1 },
      'A counter that stays zero is no evidence: does this mesh expose it?',
    );
  },
});

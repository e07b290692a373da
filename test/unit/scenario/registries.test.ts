import { expect } from 'chai';
import { z } from 'zod';
import { defineClaim, type Experiment, type ScenarioBase } from '../../../src/claims/define-claim.ts';
import { defineFault, type FaultEntry } from '../../../src/faults/define-fault.ts';
import { definePolicy, type PolicyEntry } from '../../../src/policies/define-policy.ts';
import { builtInParts, claimOf, scenarioSchema, type ScenarioParts } from '../../../src/scenario/schema.ts';

/** What somebody writes who adds an entry: one file each, and one line in the registry. */
const toyFault = defineFault({
  kind: 'toy-fault',
  title: 'Does nothing',
  schema: z.strictObject({ kind: z.literal('toy-fault'), target: z.string().optional(), strength: z.number().min(1) }),
  requires: {},
  effect: 'delay',
  holdsMs: () => 0,
  inject: () => Promise.reject(new Error('not in a unit test')),
});
const toyPolicy = definePolicy({
  kind: 'toy-policy',
  title: 'Means nothing',
  schema: z.strictObject({ kind: z.literal('toy-policy'), service: z.string(), level: z.number() }),
  inScenarios: true,
});
const toyExperiment: Experiment = { name: 'toy', title: 'A toy', fields: () => ({ size: z.number().default(3) }) };
const toyClaim = defineClaim<ScenarioBase & { size: number }, undefined>({
  kind: 'toy-claim',
  title: 'Claims nothing',
  experiment: toyExperiment,
  requires: {},
  possible: ({ size }) => (size > 5 ? [{ path: ['size'], message: 'nothing is that big' }] : []),
  arms: () => Promise.resolve({ seen: undefined }),
  judge: () => Promise.resolve(),
});
const parts: ScenarioParts = {
  faults: [...builtInParts.faults, toyFault as unknown as FaultEntry],
  policies: [...builtInParts.policies, toyPolicy as unknown as PolicyEntry],
  claims: [...builtInParts.claims, toyClaim as unknown as ScenarioParts['claims'][number]],
};
const common = { id: 'x', title: 'x', criterion: { id: 'x', title: 'x' } };

describe('the scenario schema is a product of the registries', () => {
  const schema = scenarioSchema(parts);

  it('knows a new claim with its fields, defaults and arithmetic', () => {
    const { data } = schema.safeParse({ ...common, experiment: 'toy' });
    expect(data).to.deep.include({ size: 3 });
    expect(claimOf(data!, parts).kind).to.equal('toy-claim');
    const issues = schema.safeParse({ ...common, experiment: 'toy', size: 6 }).error?.issues ?? [];
    expect(issues.map(({ path, message }) => [path, message])).to.deep.equal([[['size'], 'nothing is that big']]);
    expect(scenarioSchema().safeParse({ ...common, experiment: 'toy' }).success).to.equal(false);
  });

  it('knows a new fault and a new policy wherever faults and policies may be', () => {
    const scenario = (fault: object, policy: object) => ({
      ...common,
      experiment: 'resilience',
      load: { service: 'a', rps: 20 },
      fault,
      arms: {
        control: { policies: [policy], phaseSeconds: { fault: 1 } },
        treatment: { policies: [], phaseSeconds: { fault: 1 } },
      },
      claim: { kind: 'recovers-errors', objective: 0.99, retries: 1 },
    });
    const issuesOf = (fault: object, policy: object): string[] =>
      (schema.safeParse(scenario(fault, policy)).error?.issues ?? []).map(
        ({ path, message }) => `${path.join('.')}: ${message}`,
      );
    const abort = { kind: 'http-abort', percentage: 30 };
    expect(issuesOf(abort, { kind: 'toy-policy', level: 1 })).to.deep.equal([]);
    expect(issuesOf(abort, { kind: 'toy-policy' })).to.have.length(1);
    expect(issuesOf({ kind: 'toy-fault', strength: 0 }, { kind: 'retry', attempts: 0 })[0]).to.contain(
      'fault.strength',
    );
    expect(issuesOf({ kind: 'toy-fault', strength: 1 }, { kind: 'retry', attempts: 0 })).to.deep.equal([
      'fault.kind: claim recovers-errors needs the fault http-abort',
    ]);
  });

  it('is what the JSON Schema shows', () => {
    expect(JSON.stringify(z.toJSONSchema(schema, { io: 'input' })))
      .to.contain('toy-fault')
      .and.contain('toy-policy')
      .and.contain('"toy"');
  });
});

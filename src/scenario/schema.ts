import { z } from 'zod';
import type { ClaimEntry, ScenarioBase } from '../claims/define-claim.ts';
import { claims as builtInClaims } from '../claims/index.ts';
import { builtIn, type Registries } from '../claims/registries.ts';

/**
 * The schema of scenario files is a product of the registries: types, error messages, the JSON Schema
 * (`docs/scenario.schema.json`) and the reference page come from the entries. Units are in the names; every default is
 * visible in the schema.
 */

const common = {
  id: z.string().regex(/^[a-z][a-z0-9-]{0,48}$/, 'lower-case letters, digits and dashes, at most 49'),
  title: z.string().min(1),
  criterion: z.strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]*$/),
    title: z.string().min(1).describe('What a coach reads.'),
    words: z
      .strictObject({ control: z.string().min(1), treatment: z.string().min(1) })
      .optional()
      .describe('How the two arms are named in the report, e.g. `With retries switched off`.'),
  }),
};

/** All that scenario files are made of. */
export interface ScenarioParts extends Registries {
  claims: readonly ClaimEntry[];
}

export const builtInParts: ScenarioParts = { ...builtIn, claims: builtInClaims };

/** A scenario file that was parsed; its own fields are known to its claim. */
export type Scenario = ScenarioBase & { claim?: { kind: string } & Record<string, unknown> };

/** The claim that a scenario makes: by its `claim.kind`, or the only one of its experiment. */
export function claimOf(scenario: Scenario, { claims }: ScenarioParts = builtInParts): ClaimEntry {
  const ofExperiment = claims.filter(({ experiment }) => experiment.name === scenario.experiment);
  const entry =
    scenario.claim === undefined ? ofExperiment[0] : ofExperiment.find(({ kind }) => kind === scenario.claim?.kind);
  if (entry === undefined) throw new TypeError(`no claim for the scenario ${scenario.id}`);
  return entry;
}

export function scenarioSchema(parts: ScenarioParts = builtInParts): z.ZodType<Scenario> {
  const experiments = [...new Set(parts.claims.map(({ experiment }) => experiment))];
  const [first, ...others] = experiments.map((experiment) => {
    const schemas = parts.claims
      .filter((claim) => claim.experiment === experiment)
      .flatMap(({ schema }) => (schema === undefined ? [] : [schema]));
    const [firstClaim, ...otherClaims] = schemas;
    return z
      .strictObject({
        ...common,
        experiment: z.literal(experiment.name),
        ...experiment.fields(parts),
        ...(firstClaim !== undefined && {
          claim: z.discriminatedUnion('kind', [firstClaim, ...otherClaims] as never),
        }),
      })
      .superRefine((scenario, context) => {
        const parsed = scenario as unknown as Scenario;
        for (const { path, message } of claimOf(parsed, parts).possible?.(parsed, parts) ?? [])
          context.addIssue({ code: 'custom', path: [...path], message });
      })
      .describe(experiment.title);
  });
  return z.discriminatedUnion('experiment', [first!, ...others] as never) as unknown as z.ZodType<Scenario>;
}

export const suiteSchema = z.strictObject({
  id: common.id,
  title: common.title,
  scenarios: z.array(common.id).min(1).describe('In the order in which they run.'),
});
export type Suite = z.infer<typeof suiteSchema>;

import { z } from 'zod';

/**
 * The only definition of a scenario file: types, error messages, the JSON Schema (`docs/scenario.schema.json`) and the
 * reference page come from here. Units are in the names; every default is visible in the schema.
 */

const serviceName = z
  .enum(['poi', 'trips', 'userprofile', 'user-java', 'tripviewer'])
  .describe('A service of TripInsights, e.g. `trips`.');

const percentage = z.number().gt(0).max(100);

const faultSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('http-abort'),
      target: serviceName,
      percentage,
      status: z.number().int().min(400).max(599).default(503),
      pathPrefix: z.string().startsWith('/').optional(),
    }),
    z.strictObject({
      kind: z.literal('http-delay'),
      target: serviceName,
      percentage,
      delayMs: z.number().int().positive(),
      pathPrefix: z.string().startsWith('/').optional(),
    }),
  ])
  .describe(
    'Injected behind the server’s sidecar, so that it works under strict mTLS and every caller policy sees it.',
  );

const policySchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('retry'),
      service: serviceName,
      attempts: z
        .number()
        .int()
        .min(0)
        .max(10)
        .describe('Retries after the first try; 0 switches a mesh’s default retries off.'),
      onStatus: z.array(z.number().int().min(400).max(599)).default([503]),
    }),
    z.strictObject({
      kind: z.literal('timeout'),
      service: serviceName,
      timeoutMs: z.number().int().min(0).describe('Whole request including its retries; 0 means none.'),
    }),
  ])
  .describe('Mesh-neutral: each mesh adapter renders its own resources (kept as evidence).');

const policies = z.array(policySchema).default([]);

const loadSchema = z.strictObject({
  service: serviceName.describe('Called directly by k6, as a meshed client.'),
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

const phaseSeconds = z.strictObject({
  baseline: z.number().positive().default(5),
  fault: z.number().positive(),
  recovery: z.number().positive().default(5),
});

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

const resilienceSchema = z
  .strictObject({
    ...common,
    experiment: z.literal('resilience'),
    load: loadSchema,
    fault: faultSchema,
    arms: z.strictObject({
      control: z.strictObject({ policies, phaseSeconds }),
      treatment: z.strictObject({ policies, phaseSeconds }),
    }),
    claim: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('recovers-errors'),
        objective: z.number().gt(0).lt(1).describe('Success rate the treatment must reach, e.g. 0.99.'),
        minRequests: z.number().int().min(100).default(1000),
        retries: z.number().int().min(1).describe('For the arithmetic: expected success = 1 - share^(retries+1).'),
      }),
      z.strictObject({
        kind: z.literal('bounds-latency'),
        controlP99AtLeastMs: z.number().positive(),
        p99AtMostMs: z.number().positive(),
        status: z.number().int().default(504),
        minRequests: z.number().int().min(50).default(300),
      }),
    ]),
  })
  .superRefine(({ load, fault, claim }, context) => {
    const needed = { 'recovers-errors': 'http-abort', 'bounds-latency': 'http-delay' } as const;
    if (fault.kind !== needed[claim.kind]) {
      context.addIssue({
        code: 'custom',
        path: ['fault', 'kind'],
        message: `claim ${claim.kind} needs the fault ${needed[claim.kind]}`,
      });
    }
    if (fault.target !== load.service) {
      context.addIssue({
        code: 'custom',
        path: ['fault', 'target'],
        message: 'the fault must hit the service that the load calls: expected the same as load.service',
      });
    }
  })
  .describe('Same load and fault without and with the policy under test.');

const wireSchema = z
  .strictObject({
    ...common,
    experiment: z.literal('wire'),
    load: z.strictObject({
      rps: z.number().positive().max(1000).default(20),
      seconds: z.number().positive().default(6),
    }),
  })
  .describe('Packets of every edge at both ends; the control is an unmeshed pair with the same canary.');

const signalsSchema = z
  .strictObject({
    ...common,
    experiment: z.literal('signals'),
    load: z.strictObject({
      rps: z.number().positive().max(1000).default(25),
      seconds: z.number().positive().default(12),
    }),
    thresholds: z.strictObject({
      successRateAtLeast: z.number().gt(0).max(1).default(0.999),
      p99AtMostMs: z.number().positive().default(1000),
      minRequestsPerService: z.number().int().min(10).default(40),
    }),
    fault: faultSchema.describe('The control: with this fault the thresholds must fail.'),
  })
  .describe('Golden signals of every service by the proxies and by the client, reconciled.');

const sameCodeSchema = z
  .strictObject({ ...common, experiment: z.literal('same-code') })
  .describe('The same image digests and the same answers with and without the mesh.');

const healthSchema = z
  .strictObject({ ...common, experiment: z.literal('health') })
  .describe('Cluster health before and after everything; the control is a broken workload that must be found.');

export const scenarioSchema = z.discriminatedUnion('experiment', [
  resilienceSchema,
  wireSchema,
  signalsSchema,
  sameCodeSchema,
  healthSchema,
]);

export const suiteSchema = z.strictObject({
  id: common.id,
  title: common.title,
  scenarios: z.array(common.id).min(1).describe('In the order in which they run.'),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ResilienceScenario = z.infer<typeof resilienceSchema>;
export type WireScenario = z.infer<typeof wireSchema>;
export type SignalsScenario = z.infer<typeof signalsSchema>;
export type SameCodeScenario = z.infer<typeof sameCodeSchema>;
export type HealthScenario = z.infer<typeof healthSchema>;
export type Suite = z.infer<typeof suiteSchema>;

import { z } from 'zod';
import { definePolicy } from './define-policy.ts';
import { route, service } from './fields.ts';

/** `attempts` counts retries after the first try. */
export const retry = definePolicy({
  kind: 'retry',
  title: 'Callers try a failed request again',
  schema: z.strictObject({
    kind: z.literal('retry'),
    service,
    route,
    attempts: z
      .number()
      .int()
      .min(0)
      .max(10)
      .describe('Retries after the first try; 0 switches a mesh’s default retries off.'),
    onStatus: z.array(z.number().int().min(400).max(599)).default([503]),
  }),
  off: { attempts: 0 },
  inScenarios: true,
});

import { z } from 'zod';
import { definePolicy } from './define-policy.ts';
import { route, service } from './fields.ts';

export const timeout = definePolicy({
  kind: 'timeout',
  title: 'Callers wait a bounded time for an answer',
  schema: z.strictObject({
    kind: z.literal('timeout'),
    service,
    route,
    timeoutMs: z.number().int().min(0).describe('Whole request including its retries; 0 means none.'),
  }),
  off: { timeoutMs: 0 },
  inScenarios: true,
});

import { z } from 'zod';
import { definePolicy } from './define-policy.ts';
import { service } from './fields.ts';

/** Pinned explicitly in every arm: a mesh's default may eject a replica after a few errors in a row, which spoils the arithmetic. */
export const outlierDetection = definePolicy({
  kind: 'outlier-detection',
  title: 'Callers leave out a replica that fails',
  schema: z.strictObject({
    kind: z.literal('outlier-detection'),
    service,
    consecutiveErrors: z.number().int().min(0).describe('Errors in a row that eject a replica; 0 switches it off.'),
  }),
  off: { consecutiveErrors: 0 },
  inScenarios: false,
});

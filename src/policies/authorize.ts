import { z } from 'zod';
import { definePolicy } from './define-policy.ts';

export const authorize = definePolicy({
  kind: 'authorize',
  title: 'Who may call a service',
  schema: z.strictObject({
    kind: z.literal('authorize'),
    to: z.string().min(1),
    from: z.array(z.string().min(1)).describe('Services that may call; `*` for any meshed one.'),
  }),
  inScenarios: false,
});

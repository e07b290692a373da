import { z } from 'zod';
import { definePolicy } from './define-policy.ts';
import { service } from './fields.ts';

export const mtls = definePolicy({
  kind: 'mtls',
  title: 'Whether a service takes plaintext beside mutual TLS',
  schema: z.strictObject({ kind: z.literal('mtls'), service, mode: z.enum(['strict', 'permissive']) }),
  inScenarios: false,
});

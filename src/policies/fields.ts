import { z } from 'zod';

/** The service whose callers are told; in a scenario it may be left out: the service under test. */
export const service = z.string().min(1).describe('A service of the application.');

/** Only requests whose path starts with this. */
export const route = z
  .strictObject({ pathPrefix: z.string().startsWith('/') })
  .optional()
  .describe('Limits the policy to a part of the service; left out: all its requests.');

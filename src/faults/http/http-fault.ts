import { z } from 'zod';
import { defineFault, type FaultEntry } from '../define-fault.ts';
import { injectPoints } from '../injectors/point/inject-points.ts';
import type { HttpFaultSpec, PointFault } from '../injectors/point/point-fault.ts';

const commonFields = {
  target: z.string().min(1).optional().describe('A service; left out: the service under test.'),
  percentage: z.number().gt(0).max(100).describe('Share of matching requests.'),
  pathPrefix: z.string().startsWith('/').optional().describe('Only requests whose path starts with this.'),
};

type HttpSchema<Kind extends string, Fields extends z.ZodRawShape> = z.ZodObject<
  { kind: z.ZodLiteral<Kind> } & typeof commonFields & Fields,
  z.core.$strict
>;
type HttpSpec<Kind extends string, Fields extends z.ZodRawShape> = z.output<HttpSchema<Kind, Fields>> &
  z.output<z.ZodObject<Fields>> &
  HttpFaultSpec;

/** A fault on HTTP requests, injected behind the server's sidecar: it works under strict mTLS, and every caller's policy meets it. */
export function defineHttpFault<Kind extends string, Fields extends z.ZodRawShape>(
  definition: { kind: Kind; title: string; fields: Fields } & PointFault<HttpSpec<Kind, Fields>>,
): FaultEntry<HttpSchema<Kind, Fields>, Kind> & { point: PointFault } {
  const { kind, title, fields, effect } = definition;
  // The schema ties these fields to this kind; the point knows HTTP faults in general.
  const schema = z.strictObject({ kind: z.literal(kind), ...commonFields, ...fields });
  const fault = definition as unknown as PointFault;
  const entry = defineFault({
    kind,
    title,
    schema: schema as unknown as HttpSchema<Kind, Fields>,
    requires: { protocol: 'http' },
    effect,
    holdsMs: (spec) => fault.holdsMs(spec as unknown as HttpFaultSpec),
    inject: (spec, context) => injectPoints(fault, spec as unknown as HttpFaultSpec, context),
  });
  return { ...entry, point: fault };
}

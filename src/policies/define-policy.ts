import type { z } from 'zod';

/**
 * A kind of policy, mesh-neutral: what it means and which fields it has. Each mesh brings a renderer for the kinds it can
 * do; a mesh without one lacks the capability, and what needs it is skipped with the reason.
 */
export interface PolicyEntry<Schema extends z.ZodObject = z.ZodObject, Kind extends string = string> {
  readonly kind: Kind;
  readonly title: string;
  /** Fields of the policy; `kind` is among them as a literal. */
  readonly schema: Schema;
  /** Fields that switch a mesh's own default off, for control arms; undefined where there is no default to switch off. */
  readonly off?: Readonly<Record<string, unknown>> | undefined;
  /** Whether a scenario may ask for it; the others are the engine's own means. */
  readonly inScenarios: boolean;
}

export function definePolicy<Schema extends z.ZodObject, Kind extends string>(
  entry: PolicyEntry<Schema, Kind>,
): PolicyEntry<Schema, Kind> {
  return entry;
}

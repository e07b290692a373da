import type { z } from 'zod';
import { MeshproofError } from '../base/errors.ts';
import type { FaultContext, FaultEntry } from './define-fault.ts';
import type { ActiveFault, FaultRequest } from './fault.ts';
import { httpAbort } from './http/http-abort.ts';
import { httpDelay } from './http/http-delay.ts';

/** Every kind of fault. A new one is a file of its own and a line here. */
export const faults = [httpAbort, httpDelay] as const;

/** A fault as a scenario file asks for it; `target` may still be open. */
export type AskedFault = z.output<(typeof faults)[number]['schema']>;

/** The same as a person writes it: what has a default may be left out. */
export type AskableFault = z.input<(typeof faults)[number]['schema']>;

/** @throws MeshproofError MESHPROOF_SCENARIO_INVALID for a kind that does not exist */
export function faultEntry(
  kind: string,
  entries: readonly FaultEntry[] = faults as unknown as FaultEntry[],
): FaultEntry {
  const entry = entries.find((candidate) => candidate.kind === kind);
  if (entry !== undefined) return entry;
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_INVALID',
    `there is no fault ${kind}`,
    `Known: ${entries.map((candidate) => candidate.kind).join(', ')}.`,
  );
}

/**
 * Injects a fault of any kind. In force everywhere when it resolves; on failure nothing stays.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_INVALID for a spec that makes no sense, MESHPROOF_FAULT_START otherwise.
 */
export async function startFault(
  spec: FaultRequest,
  context: FaultContext,
  entries?: readonly FaultEntry[],
): Promise<ActiveFault> {
  const entry = faultEntry(spec.kind, entries);
  const parsed = entry.schema.safeParse(spec);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new MeshproofError(
      'MESHPROOF_SCENARIO_INVALID',
      `fault ${spec.kind} at ${spec.target}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'makes no sense'}`,
      'See `meshproof list faults` and docs/faults.md.',
    );
  }
  return entry.inject({ ...parsed.data, target: spec.target } as never, context);
}

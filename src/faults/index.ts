import type { FaultSpec } from './fault.ts';
import { httpAbort } from './http/http-abort.ts';
import { httpDelay } from './http/http-delay.ts';
import type { HttpFaultKind } from './http/http-fault.ts';

/** Every fault kind by its name: a new one is a file of its own, a line here and a member of FaultSpec. */
export const httpFaultKinds: { [K in FaultSpec['kind']]: HttpFaultKind<Extract<FaultSpec, { kind: K }>> } = {
  'http-abort': httpAbort,
  'http-delay': httpDelay,
};

/** The kind that carries out this spec. */
export function kindOf(spec: FaultSpec): HttpFaultKind {
  // The table ties each kind to its spec; TypeScript cannot follow that through an index of a union.
  return httpFaultKinds[spec.kind] as unknown as HttpFaultKind;
}

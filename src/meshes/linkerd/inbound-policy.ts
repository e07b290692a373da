import { accountOf } from './names.ts';

/** Who is let in at one port of a pod. */
export interface InboundPolicy {
  /** Service accounts that may call, `*` for everybody in the mesh. */
  lets: string[];
  /** Who proves nothing is let in too. */
  plaintext: boolean;
  /** Nobody has said who may call: what holds is Linkerd's own default. */
  byDefault: boolean;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the control plane's own JSON, read defensively */
type Json = any;

/** Reads what `linkerd diagnostics policy po/NAME PORT -o json` prints. @param namespace the pod's own */
export function readInboundPolicy(answer: Json, namespace: string): InboundPolicy {
  const permits: Json[] = (answer?.authorizations ?? []).map((each: Json) => each.authentication?.Permit ?? {});
  return {
    lets: permits.flatMap(({ MeshTLS }) => accounts(MeshTLS?.Clients, namespace)),
    plaintext: permits.some(
      ({ Unauthenticated, MeshTLS }) => (Unauthenticated ?? MeshTLS?.Clients?.Unauthenticated) !== undefined,
    ),
    byDefault: answer?.labels?.kind === 'default',
  };
}

function accounts(clients: Json, namespace: string): string[] {
  const { identities = [], suffixes = [] } = clients?.Identities ?? {};
  return [
    ...identities.map(({ name }: { name: string }) => accountOf(name, namespace)),
    // A suffix without parts fits every identity.
    ...suffixes.map(({ parts }: { parts?: string[] }) => (parts?.length ? `*.${parts.join('.')}` : '*')),
  ];
}

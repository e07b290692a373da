import { shortIdentity } from '../../base/words.ts';
import type { ForwardedIdentity } from './forwarded-identities.ts';
import type { WireProof } from './wire.ts';

/** What others than the packets say of who is at the two ends of an edge. */
export interface IdentityWitnesses {
  /** Of the certificates that the proxies of the two services hold (their admin ports). */
  proxies: { client: readonly string[]; server: readonly string[] };
  /** What the server's sidecars told the app; left out where the app speaks no HTTP/1. */
  app?: ForwardedIdentity[] | undefined;
}

/** A proof whose packets show no certificate, with those that the proxies hold: one source less. */
export function withHeldIdentities(proof: WireProof, { proxies }: IdentityWitnesses): WireProof {
  if (proof.identityFrom !== undefined || proxies.client.length === 0 || proxies.server.length === 0) return proof;
  return {
    ...proof,
    clientIdentity: proxies.client[0],
    serverIdentity: proxies.server[0],
    clientIdentities: [...proxies.client],
    serverIdentities: [...proxies.server],
    identityFrom: 'proxy',
  };
}

/** The sources that a proof of identities rests on, and where they contradict each other. */
export function compareIdentities(
  proof: WireProof,
  { proxies, app }: IdentityWitnesses,
): { sources: string[]; contradictions: string[] } {
  const { clientIdentity: client = '', serverIdentity: server = '' } = proof;
  const contradictions: string[] = [];
  for (const [side, seen] of [
    ['client', client],
    ['server', server],
  ] as const) {
    const others = proxies[side].filter((name) => name !== seen);
    if (others.length > 0)
      contradictions.push(
        `the ${proof.identityFrom} says that the ${side} is ${shortIdentity(seen)}, its proxy holds ${others.map(shortIdentity).join(', ')}`,
      );
  }
  const told = app?.some(({ by, uri }) => by === server && uri === client);
  if (told === false)
    contradictions.push(
      `no sidecar told the app of a request from ${shortIdentity(client)} to ${shortIdentity(server)}`,
    );
  return {
    sources: [
      proof.identityFrom ?? 'no certificate',
      ...(proof.identityFrom !== 'proxy' && proxies.client.length > 0 && proxies.server.length > 0
        ? ['the proxies’ certificates']
        : []),
      ...(told === true ? ['x-forwarded-client-cert at the app'] : []),
    ],
    contradictions,
  };
}

import { shortIdentity } from '../../base/words.ts';
import type { ForwardedIdentity } from './forwarded-identities.ts';
import type { WireProof } from './wire.ts';

/** What others than the packets say of who is at the two ends of an edge. */
export interface IdentityWitnesses {
  /** Of the certificates that the proxies of the two services hold (their admin ports). */
  proxies: { client: readonly string[]; server: readonly string[] };
  /** By identity how many TLS connections the server's proxies took from whom proved it; left out where they do not count that. */
  peers?: Readonly<Record<string, number>> | undefined;
  /** What the server's sidecars told the app; left out where the app speaks no HTTP/1. */
  app?: ForwardedIdentity[] | undefined;
  /** Header in which they told it; Envoy's where it is left out. */
  header?: string | undefined;
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
  { proxies, peers, app, header = 'x-forwarded-client-cert' }: IdentityWitnesses,
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
  const proved = peers && (peers[client] ?? 0) > 0;
  if (proved === false)
    contradictions.push(`no proxy of the server took a connection from whom proved to be ${shortIdentity(client)}`);
  const told = app?.some(({ by = server, uri }) => by === server && uri === client);
  if (told === false)
    contradictions.push(
      `no sidecar told the app of a request from ${shortIdentity(client)} to ${shortIdentity(server)}`,
    );
  return {
    sources: [
      proof.identityFrom === 'proxy' ? 'the proxies’ certificates' : (proof.identityFrom ?? 'no certificate'),
      ...(proof.identityFrom !== 'proxy' && proxies.client.length > 0 && proxies.server.length > 0
        ? ['the proxies’ certificates']
        : []),
      ...(proved === true ? ['who the server’s proxies let in'] : []),
      ...(told === true ? [`${header} at the app`] : []),
    ],
    contradictions,
  };
}

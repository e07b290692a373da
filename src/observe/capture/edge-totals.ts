import type { Connection } from './connection.ts';
import { isFullHandshake, isResumed, type HandshakeFacts } from './handshake-facts.ts';
import { isOpened, openedHandshake, withOpened, type OpenedHandshake } from './opened-handshake.ts';
import { SessionChain } from './session-chain.ts';
import { isNullCipher, versionName } from './tls-handshake.ts';
import type { WireEdge, WireProof } from './wire.ts';

const tls13 = 0x0304;

/** A whole handshake in which both sides showed a certificate; in TLS 1.3 one that was opened. */
function isMutual({ client, server, shared: { facts } }: Connection): boolean {
  const midStream = client.midStreamStart || server.midStreamStart;
  return !midStream && isFullHandshake(facts) && facts.certificateRequested && facts.clientIdentity !== undefined;
}

function identities(
  judged: ReadonlySet<string>,
  began: readonly HandshakeFacts[],
  of: 'clientIdentity' | 'serverIdentity',
): string[] {
  return [...new Set([...judged, ...began.flatMap((facts) => facts[of] ?? [])])].sort();
}

/** Adds up the connections of one edge. */
export class EdgeTotals {
  packets = 0;
  truncatedPackets = 0;
  /** TLS 1.3 handshakes that were read with the secrets of a key log. */
  readonly opened: OpenedHandshake[] = [];
  readonly #edge: WireEdge;
  readonly #known: ReadonlyMap<string, OpenedHandshake>;
  #openings = 0;
  #unopened = 0;
  #tlsBytes = 0;
  #plaintextBytes = 0;
  #unclassifiedBytes = 0;
  #connections = 0;
  #betweenNodes = 0;
  readonly #sessions = new SessionChain();
  /** Of connections that ended before the judged time: they count when a judged one continues their session. */
  readonly #earlyHandshakes = new Set<HandshakeFacts>();
  #fullHandshakes = 0;
  #withoutHandshake = 0;
  #requestsMissing = 0;
  #visibleHandshakes = 0;
  #withoutClientCertificate = 0;
  #lowestVersion: number | undefined;
  #sni: string | undefined;
  #alpn: string[] | undefined;
  readonly #ports = new Map<number, number>();
  readonly #clientIdentities = new Set<string>();
  readonly #serverIdentities = new Set<string>();
  readonly #protocols = new Set<string>();
  readonly #plantedTokens = new Set<string>();
  readonly #alerts = new Set<string>();
  readonly #cipherSuites = new Set<string>();

  /** @param opened what was read of TLS 1.3 handshakes while their secrets were known */
  constructor(edge: WireEdge, opened: readonly OpenedHandshake[] = []) {
    this.#edge = edge;
    this.#known = new Map(opened.map((handshake) => [handshake.random, handshake]));
  }

  /** Payload of packets that could not be put into a stream (IP fragments, cut headers). */
  addUnclassified(bytes: number): void {
    this.#unclassifiedBytes += bytes;
  }

  addPlantedToken(text: string): void {
    this.#plantedTokens.add(text);
  }

  /**
   * @param forward opened by the edge's source; the bytes of others count, their identities are another edge's
   * @param betweenNodes its two ends are on different nodes
   */
  add(connection: Connection, { forward, betweenNodes }: { forward: boolean; betweenNodes: boolean }): void {
    const { client, server, shared, serverPort } = connection;
    const bytes = client.classifier.payloadBytes + server.classifier.payloadBytes;
    if (bytes === 0) return;
    if (forward) this.#open(shared.facts);
    if (connection.lastPacketAtMs < (this.#edge.judgedFromMs ?? 0)) {
      if (forward && isMutual(connection)) {
        this.#sessions.authenticated(shared.facts);
        this.#earlyHandshakes.add(shared.facts);
      } else if (forward && isResumed(shared.facts)) this.#sessions.resumed(shared.facts, false);
      return;
    }
    this.#ports.set(serverPort, (this.#ports.get(serverPort) ?? 0) + bytes);
    const nullCipher = shared.facts.serverHello !== undefined && isNullCipher(shared.facts.serverHello.cipherSuite);
    for (const { classifier } of [client, server]) {
      const exposed = nullCipher ? classifier.applicationDataBytes : 0;
      this.#tlsBytes += classifier.tlsBytes - exposed;
      this.#plaintextBytes += classifier.plaintextBytes + exposed;
      this.#unclassifiedBytes += classifier.unclassifiedBytes;
      for (const name of classifier.protocols) this.#protocols.add(name);
    }
    for (const text of connection.plantedTokensSeen) this.#plantedTokens.add(text);
    for (const alert of shared.facts.alerts) this.#alerts.add(alert);
    if (forward) {
      this.#addHandshake(connection);
      if (betweenNodes) this.#betweenNodes++;
    }
  }

  /** Reads in what was read before, or notes what was read now. */
  #open(facts: HandshakeFacts): void {
    const known = this.#known.get(facts.clientHello?.random ?? '');
    if (known !== undefined && facts.opened.size === 0) withOpened(facts, known);
    const opened = openedHandshake(facts);
    if (opened !== undefined) this.opened.push(opened);
  }

  #addHandshake(connection: Connection): void {
    const { client, server, shared } = connection;
    const { facts } = shared;
    this.#connections++;
    const tlsBytes = client.classifier.tlsBytes + server.classifier.tlsBytes;
    const dataBytes = client.classifier.applicationDataBytes + server.classifier.applicationDataBytes;
    const midStream = client.midStreamStart || server.midStreamStart;
    const resumed = isResumed(facts);
    const full = isFullHandshake(facts) && !midStream;
    if (resumed) this.#sessions.resumed(facts);
    else if (full) this.#fullHandshakes++;
    else if (midStream || (tlsBytes > 0 && dataBytes > 0)) this.#withoutHandshake++;
    if (facts.clientHello !== undefined) {
      this.#sni ??= facts.clientHello.sni;
      if (facts.clientHello.alpn.length > 0) this.#alpn ??= facts.clientHello.alpn;
    }
    if (facts.serverHello === undefined) return;
    const { version, cipherSuite } = facts.serverHello;
    this.#lowestVersion = Math.min(this.#lowestVersion ?? version, version);
    this.#cipherSuites.add(`0x${cipherSuite.toString(16).padStart(4, '0')}`);
    if (facts.serverIdentity !== undefined) this.#serverIdentities.add(facts.serverIdentity);
    if (facts.clientIdentity !== undefined) this.#clientIdentities.add(facts.clientIdentity);
    if (!full) return;
    if (version >= tls13) {
      if (!isOpened(facts)) {
        this.#unopened++;
        return;
      }
      this.#openings++;
    }
    this.#visibleHandshakes++;
    if (isMutual(connection)) this.#sessions.authenticated(facts);
    if (!facts.certificateRequested) this.#requestsMissing++;
    if (facts.clientIdentity === undefined) this.#withoutClientCertificate++;
  }

  proof(kernelDrops: number, fileTruncated: boolean): WireProof {
    const { source, destination, side } = this.#edge;
    const resumed = this.#sessions.count();
    const began = [...resumed.began].filter((facts) => this.#earlyHandshakes.has(facts));
    const clientIdentities = identities(this.#clientIdentities, began, 'clientIdentity');
    const serverIdentities = identities(this.#serverIdentities, began, 'serverIdentity');
    const [port] = [...this.#ports].sort((a, b) => b[1] - a[1])[0] ?? [0];
    const identitiesSeen = clientIdentities.length + serverIdentities.length > 0;
    return {
      source,
      destination,
      port,
      side,
      packets: this.packets,
      payloadBytes: this.#tlsBytes + this.#plaintextBytes + this.#unclassifiedBytes,
      tlsBytes: this.#tlsBytes,
      plaintextBytes: this.#plaintextBytes,
      unclassifiedBytes: this.#unclassifiedBytes,
      ...(this.#lowestVersion === undefined ? {} : { tlsVersion: versionName(this.#lowestVersion) }),
      ...(this.#sni === undefined ? {} : { sni: this.#sni }),
      ...(this.#alpn === undefined ? {} : { alpn: this.#alpn }),
      handshakeSeen: this.#fullHandshakes + began.length > 0 && resumed.unseen === 0 && this.#withoutHandshake === 0,
      connections: this.#connections,
      resumedConnections: resumed.total,
      ...(this.#edge.nodes !== undefined && { connectionsBetweenNodes: this.#betweenNodes }),
      resumedFromUnseen: resumed.unseen,
      ...(clientIdentities[0] === undefined ? {} : { clientIdentity: clientIdentities[0] }),
      ...(serverIdentities[0] === undefined ? {} : { serverIdentity: serverIdentities[0] }),
      ...(identitiesSeen ? { identityFrom: this.#openings > 0 ? ('key log' as const) : ('packets' as const) } : {}),
      clientCertificateRequested: this.#visibleHandshakes + began.length > 0 && this.#requestsMissing === 0,
      canarySeen: this.#plantedTokens.size > 0,
      kernelDrops,
      clientIdentities,
      serverIdentities,
      connectionsWithoutClientCertificate: this.#withoutClientCertificate,
      ...(this.#unopened > 0 && { connectionsUnopened: this.#unopened }),
      connectionsWithoutHandshake: this.#withoutHandshake,
      ports: Object.fromEntries(this.#ports),
      plaintextProtocols: [...this.#protocols].sort(),
      plantedTokensSeen: [...this.#plantedTokens].sort(),
      alerts: [...this.#alerts].sort(),
      cipherSuites: [...this.#cipherSuites].sort(),
      truncatedPackets: this.truncatedPackets,
      fileTruncated,
    };
  }
}

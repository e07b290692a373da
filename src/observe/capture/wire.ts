/** Wire proof of one edge at one side (report.json `wire[]`). */
export interface WireProof {
  source: string;
  destination: string;
  /** Server port that carried most payload bytes; 0 when nothing was seen. */
  port: number;
  side: 'client' | 'server';
  /** TCP packets between the two ends, empty ones included. */
  packets: number;
  /**
   * payloadBytes = tlsBytes + plaintextBytes + unclassifiedBytes, always. Bytes of the TCP streams: retransmissions
   * count once, bytes that a gap swallowed count as unclassified.
   */
  payloadBytes: number;
  tlsBytes: number;
  /** Bytes of streams that are not TLS. */
  plaintextBytes: number;
  /** Bytes that cannot be attributed (gap, mid-stream start): not zero = no conclusion. */
  unclassifiedBytes: number;
  /** Lowest negotiated version seen: '1.2', '1.3' … */
  tlsVersion?: string;
  sni?: string | undefined;
  /** ALPN protocols the client offered. */
  alpn?: string[];
  /** Every connection that carried data showed a full handshake, or continues the session of one that did. */
  handshakeSeen: boolean;
  /** Connections with payload that the source opened. */
  connections: number;
  resumedConnections: number;
  /** Connections between pods of different nodes; undefined where all are on one. */
  connectionsBetweenNodes?: number;
  /** Of these, the ones that do not continue a mutually authenticated handshake of the same capture (by its session ticket). */
  resumedFromUnseen?: number;
  /** URI SAN of the certificate seen: in clear (TLS 1.2), in a handshake opened with a key log, or from the proxy (TLS 1.3). */
  clientIdentity?: string | undefined;
  serverIdentity?: string | undefined;
  identityFrom?: 'packets' | 'key log' | 'proxy';
  /** Every full handshake that could be read asked the client for a certificate. */
  clientCertificateRequested: boolean;
  /** A planted token was seen in clear. The name is older than the word, and stays: report.json publishes it. */
  canarySeen: boolean;
  kernelDrops: number;
  // What follows is detail that `judgeWire` uses where present; proveWire always fills it in.
  /** Every identity seen, sorted; more than one means that replicas differ or that the edge is mixed. */
  clientIdentities?: string[] | undefined;
  serverIdentities?: string[] | undefined;
  /** Full handshakes that could be read and in which the client presented no certificate. */
  connectionsWithoutClientCertificate?: number;
  /** Full TLS 1.3 handshakes that nobody opened: what certificates they showed is not known. */
  connectionsUnopened?: number;
  /** Connections that carried data and whose handshake was not (wholly) in the capture; resumed ones apart. */
  connectionsWithoutHandshake?: number;
  /** Server ports of all connections, with their payload bytes. */
  ports?: Record<string, number>;
  /** What the plaintext is: 'http/1', 'http/2', 'postgresql', 'postgresql-ssl-request', 'unknown'. */
  plaintextProtocols?: string[];
  /** Which of the planted tokens were seen. */
  plantedTokensSeen?: string[];
  /** Alerts sent in clear, e.g. 'server: fatal handshake_failure'. */
  alerts?: string[];
  cipherSuites?: string[];
  /** Packets cut by the snap length. */
  truncatedPackets?: number;
  /** The capture file ends in the middle of a packet (tcpdump was killed). */
  fileTruncated?: boolean;
}

/** Which packets of a capture belong to an edge: addresses of the two ends (several replicas) and the wire port. */
export interface WireEdge {
  source: string;
  destination: string;
  sourceIps: string[];
  /**
   * Pod addresses; at the side of a client without a mesh also the Service's cluster IP, since kube-proxy rewrites the
   * destination only after the packet left the pod.
   */
  destinationIps: string[];
  /** Traffic between these addresses on any port, whoever opened it, is counted, as plaintext or TLS. */
  side: 'client' | 'server';
  /**
   * Epoch ms. Connections that ended before are not judged: those of clients that were restarted under the running capture
   * began before it. What their handshakes showed still counts for sessions that continue. Default: everything.
   */
  judgedFromMs?: number;
  /** On which node each pod address is; undefined: all on one. */
  nodes?: Record<string, string> | undefined;
}

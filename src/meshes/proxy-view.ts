/** How a pod's own connections are turned to its proxy: by nat rules in the pod. */
export interface Interception {
  /** Port of the proxy that they are turned to. */
  outboundPort: number;
}

/** Why a pod's proxy does not come up, as far as the mesh is to blame. */
export interface StartTrouble {
  cause: 'identity' | 'control plane';
  observed: string;
  evidence: string[];
}

/** What a proxy does with some of the requests to a service. */
export interface ProxyRoute {
  /** Requests whose path starts with this, `/` for all; undefined for those told apart by something else. */
  pathPrefix: string | undefined;
  /** After the first try. */
  retries: number;
  /** Statuses that are tried again; empty where the mesh has a rule of its own for it, or does not retry. */
  onStatus: readonly number[];
  /** Undefined: it waits for ever. */
  timeoutMs: number | undefined;
}

/** What a proxy has done on its way to a service. */
export interface ProxyWay {
  /** Addresses of the service by which the proxy knows it. */
  addresses: readonly string[];
  connections: number;
  /** Nobody listened, or nobody could be reached. */
  connectFailures: number;
  /** TLS handshakes that succeeded. */
  handshakes: number;
  /** Certificates of the other side that were not accepted. */
  badCertificates: number;
  /** In the order in which they are tried; undefined for TCP, and where the proxy does not tell. */
  routes?: readonly ProxyRoute[] | undefined;
}

/** What one proxy was told and has done since it started: for finding out why a call does not get through. */
export interface ProxyView {
  uptimeMs: number;
  /** It has a connection to the control plane. */
  connected: boolean;
  /** Of its own certificate; undefined when it has none. */
  identity?: string | undefined;
  /** Services it was told a way to, with what it has done there. */
  ways: ReadonlyMap<string, ProxyWay>;
  /** Services it lets in, `*` for all; undefined for a pod that nobody calls. */
  lets?: ReadonlySet<string> | undefined;
  /** Plaintext is let in too. */
  permissive: boolean;
  /** A counter that it leaves out although connections are told by it: what it has done is not known. */
  uncounted?: string | undefined;
  /** Connections and requests that it has refused. */
  refused: { notTls: number; noCertificate: number; badCertificate: number; denied: number };
}
